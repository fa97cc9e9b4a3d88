//! The sixteen conditions of Jcc, SETcc and CMOVcc (SDM volume 1, appendix B).

use crate::state::Flags;

/// A condition.
pub trait Condition {
    /// Whether it holds.
    fn holds(flags: &Flags) -> bool;
}

macro_rules! conditions {
    ($($name:ident $number:literal: $flags:ident => $test:expr;)*) => {
        $(
            #[doc = concat!("Condition ", stringify!($number), ".")]
            pub struct $name;
            impl Condition for $name {
                #[inline(always)]
                fn holds($flags: &Flags) -> bool {
                    $test
                }
            }
        )*
    };
}

conditions! {
    O 0: f => f.of();
    No 1: f => !f.of();
    B 2: f => f.cf();
    Ae 3: f => !f.cf();
    E 4: f => f.zf();
    Ne 5: f => !f.zf();
    Be 6: f => f.cf() || f.zf();
    A 7: f => !f.cf() && !f.zf();
    S 8: f => f.sf();
    Ns 9: f => !f.sf();
    P 10: f => f.pf();
    Np 11: f => !f.pf();
    L 12: f => f.sf() != f.of();
    Ge 13: f => f.sf() == f.of();
    Le 14: f => f.zf() || f.sf() != f.of();
    G 15: f => !f.zf() && f.sf() == f.of();
}
