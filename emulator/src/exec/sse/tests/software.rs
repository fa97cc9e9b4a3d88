//! The arithmetic for other hosts against this one's instructions.

use super::host::Random;
use crate::exec::sse::exceptions::Run;
use crate::exec::sse::exceptions::bit::{DAZ, FTZ, RC};
use crate::exec::sse::{host, software};

/// `name`s that both have.
macro_rules! both {
    ($($name:ident)*) => {
        &[$((stringify!($name), host::$name as Run, software::$name as Run)),*]
    };
}

const ALL: &[(&str, Run, Run)] = both! {
    addps addpd addss addsd subps subpd subss subsd mulps mulpd mulss mulsd divps divpd divss divsd
    sqrtps sqrtpd sqrtss sqrtsd cvtps2pd cvtpd2ps cvtss2sd cvtsd2ss cvtdq2ps cvtps2dq cvttps2dq
    cvtpd2dq cvttpd2dq cvtss2si_32 cvtss2si_64 cvttss2si_32 cvttss2si_64 cvtsd2si_32 cvtsd2si_64
    cvttsd2si_32 cvttsd2si_64 cvtsi2ss_32 cvtsi2ss_64 cvtsi2sd_64
};

#[test]
fn software_does_what_the_host_does() {
    let mut random = Random(11);
    for (name, on_host, in_software) in ALL {
        for _ in 0..20_000 {
            let control = random.next() as u32 & (RC | DAZ | FTZ);
            let (a, mut b) = (random.register(), random.register());
            if name.contains("si2") {
                b = u128::from(random.integer());
            }
            let (expected, found) = (on_host(control, a, b), in_software(control, a, b));
            assert_eq!(found, expected, "{name} {control:04x} {a:032x} {b:032x}");
        }
    }
}
