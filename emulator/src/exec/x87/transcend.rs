//! The transcendental functions, the same on every host.
//!
//! Processors differ in the last bits of these, so no host instruction is asked. Every function
//! is computed with 128-bit significands to a relative error below 2^-118 and then rounded once
//! by RC to 64 bits: the result is the correctly rounded one unless the exact value lies closer
//! than that to a rounding boundary. Precision control has no effect (SDM volume 1, 8.1.5.2).

use crate::Board;
use crate::cpu::Cpu;
use crate::decode::Op;
use crate::exec::Step;
use crate::state::{F80, X87};

use super::soft::status::*;
use super::soft::{BIAS, Env, INDEFINITE, Kind, nan_pair, nan_single};
use super::stack::{enter, record};
use super::wide::{Wide, mul_high};

/// ln 2
const LN2: Wide = Wide { sign: false, exponent: -1, significand: 0xb172_17f7_d1cf_79ab_c9e3_b398_03f2_f6af };
/// log2 e
const LOG2_E: Wide =
    Wide { sign: false, exponent: 0, significand: 0xb8aa_3b29_5c17_f0bb_be87_fed0_691d_3e88 };
/// π
const PI: Wide = Wide { sign: false, exponent: 1, significand: 0xc90f_daa2_2168_c234_c4c6_628b_80dc_1cd1 };
/// π/2 in units of 2^-65, as the argument reduction has it: 66 bits (SDM volume 1, 8.3.8).
const HALF_PI_66: u128 = 0x3_243f_6a88_85a3_08d3;
/// arctan(k/16) in units of 2^-127.
const ATAN: [u128; 17] = [
    0x0000_0000_0000_0000_0000_0000_0000_0000,
    0x07fd_56ed_cb3f_7a71_b659_3c96_e071_706a,
    0x0fea_dd4d_5617_b6e3_2c89_7989_f3e8_88ef,
    0x17b9_7b4b_ce5b_0226_8f61_69f1_0393_8e90,
    0x1f5b_75f9_2c80_dd62_adb8_f3de_bef4_42fc,
    0x26c4_ee6e_0fd7_979a_716a_ed26_349e_bcca,
    0x2dec_3283_c9bd_e11c_e2a8_c848_b73f_9120,
    0x34c9_dd87_9847_f96d_909f_257a_4007_9c4d,
    0x3b58_ce0a_c376_9ed1_5bf9_117b_2f0e_a340,
    0x4195_fa53_6cc3_3f15_25b5_04e5_b0d2_8ae0,
    0x4780_2eaf_7bfa_cfcd_ae41_af0b_32e2_1ba3,
    0x4d17_c073_38de_ed10_2113_7c71_1027_f9de,
    0x525e_3e8c_9a7b_8492_0cd4_3f95_22be_d64f,
    0x5756_261c_5a6c_6040_0a39_2f17_9f29_0385,
    0x5c02_9f15_e118_cf39_e596_d2a9_0852_221e,
    0x6067_42dc_5629_3320_44ee_b162_3749_7d12,
    0x6487_ed51_10b4_611a_6263_3145_c06e_0e68,
];

/// One, in the units of 2^-127 that the series use.
const UNIT: u128 = 1 << 127;

/// Above this many terms no series goes.
const TERMS: usize = 36;

/// 2^128 / k, for k from 2.
const RECIPROCALS: [u128; TERMS] = {
    let mut table = [u128::MAX; TERMS];
    let mut k = 2;
    while k < TERMS {
        table[k] = u128::MAX / k as u128;
        k += 1;
    }
    table
};

/// 2^127 / (2k + 1)
const ODD_RECIPROCALS: [u128; TERMS] = {
    let mut table = [UNIT; TERMS];
    let mut k = 1;
    while k < TERMS {
        table[k] = UNIT / (2 * k as u128 + 1);
        k += 1;
    }
    table
};

/// A series result in units of 2^-127 as a number.
fn from_units(value: u128) -> Wide {
    Wide::new(false, 0, value)
}

// --- series ----------------------------------------------------------------------------------

/// e^t - 1 for |t| < 0.7: t × (1 + t/2 × (1 + t/3 × (…)))
fn expm1(t: Wide) -> Wide {
    let f = t.fraction();
    let mut p = UNIT;
    for k in (2..TERMS).rev() {
        let term = mul_high(mul_high(p, f), RECIPROCALS[k]);
        p = if t.sign { UNIT - term } else { UNIT + term };
    }
    t.times(from_units(p))
}

/// sin r for 0 < |r| < 0.8: r × (1 - z/(2·3) × (1 - z/(4·5) × (…))), z = r²
fn sin_series(r: Wide) -> Wide {
    let f = r.fraction();
    let z = mul_high(f, f);
    let mut p = UNIT;
    for k in (1..=17).rev() {
        let denominator = (2 * k) * (2 * k + 1);
        p = UNIT - mul_high(mul_high(p, z), u128::MAX / denominator);
    }
    // Never quite one: what is cut off must not make the result larger than the sine.
    r.times(from_units(p.min(UNIT - 1)))
}

/// cos r for |r| < 0.8: 1 - z/(1·2) × (1 - z/(3·4) × (…)), z = r²
fn cos_series(r: Wide) -> Wide {
    if r.exponent < -30 {
        // The fourth power is below the last place.
        let half_square = r.times(r).scaled(-1).negated();
        let below_one = Wide { sign: false, exponent: -1, significand: u128::MAX };
        return Wide::ONE.plus(half_square).filter(|sum| sum.exponent < 0).unwrap_or(below_one);
    }
    let f = r.fraction();
    let z = mul_high(f, f);
    let mut p = UNIT;
    for k in (1..=17).rev() {
        let denominator = (2 * k - 1) * (2 * k);
        p = UNIT - mul_high(mul_high(p, z), u128::MAX / denominator);
    }
    from_units(p.min(UNIT - 1))
}

/// artanh f for 0 < |f| < 0.18: f × (1 + z × (1/3 + z × (1/5 + …))), z = f²
fn atanh_series(f: Wide) -> Wide {
    let fraction = f.fraction();
    let z = mul_high(fraction, fraction);
    let mut p = 0;
    for k in (0..28).rev() {
        p = ODD_RECIPROCALS[k] + mul_high(p, z);
    }
    f.times(from_units(p.max(UNIT + 1)))
}

/// arctan d for 0 < |d| < 1/31: d × (1 - z × (1/3 - z × (1/5 - …))), z = d²
fn atan_series(d: Wide) -> Wide {
    let fraction = d.fraction();
    let z = mul_high(fraction, fraction);
    let mut p = 0;
    for k in (0..15).rev() {
        p = ODD_RECIPROCALS[k] - mul_high(p, z);
    }
    d.times(from_units(p.min(UNIT - 1)))
}

// --- functions of numbers -----------------------------------------------------------------------

/// arctan t for 0 < t ≤ 1.
fn atan(t: Wide) -> Wide {
    // The nearest k/16 leaves |d| = |t - k/16| / (1 + t × k/16) ≤ 1/32.
    let nearest = if t.exponent >= 0 { 16 } else { ((t.fraction() >> 123) as usize).div_ceil(2) };
    if nearest == 0 {
        return atan_series(t);
    }
    let c = Wide::integer(nearest as i32).scaled(-4);
    let known = from_units(ATAN[nearest]);
    let Some(difference) = t.plus(c.negated()) else { return known };
    let divisor = Wide::ONE.plus(t.times(c)).unwrap_or(Wide::ONE);
    known.plus(atan_series(difference.over(divisor))).unwrap_or(known)
}

/// log2 of f's (1 + f) / (1 - f), for 0 < |f| < 0.18.
fn log2_ratio(f: Wide) -> Wide {
    atanh_series(f).times(LOG2_E).scaled(1)
}

/// log2 x for a positive x; `None` for zero. Exact for powers of two.
fn log2(x: Wide) -> Option<Wide> {
    // x = 2^e × m with m between the roots of 1/2 and 2, near enough.
    let above = x.significand >= 0xb504_f333_f9de_6484 << 64;
    let e = x.exponent + i32::from(above);
    let m = Wide { exponent: if above { -1 } else { 0 }, ..x };
    let part = m.plus(Wide::ONE.negated()).map(|numerator| {
        let denominator = m.plus(Wide::ONE).unwrap_or(Wide::ONE);
        log2_ratio(numerator.over(denominator))
    });
    match (e, part) {
        (0, part) => part,
        (e, None) => Some(Wide::integer(e)),
        (e, Some(part)) => Wide::integer(e).plus(part),
    }
}

/// `x` less the nearest multiple of π/2, and that multiple modulo 4. For |x| < 2^63.
///
/// π has 66 bits here, as in all processors since the 80387: the result is exact for that π, and
/// the functions of large arguments are those that software has always got.
fn reduce(x: Wide) -> (Wide, u32) {
    let quarter_pi = PI.scaled(-2);
    if (x.exponent, x.significand) <= (quarter_pi.exponent, quarter_pi.significand) {
        return (x, 0);
    }
    // In units of 2^-65 every argument from 1/2 to 2^63 is an integer of at most 128 bits.
    let argument = (x.significand >> 64) << (x.exponent + 2);
    let mut multiple = (argument / HALF_PI_66) as u32;
    let mut rest = argument % HALF_PI_66;
    let mut sign = x.sign;
    if rest > HALF_PI_66 / 2 {
        rest = HALF_PI_66 - rest;
        multiple = multiple.wrapping_add(1);
        sign = !sign;
    }
    let quadrant = if x.sign { multiple.wrapping_neg() } else { multiple };
    (Wide::new(sign, 62, rest), quadrant & 3)
}

fn sin(x: Wide) -> Wide {
    let (r, quadrant) = reduce(x);
    let value = if quadrant & 1 == 0 { sin_series(r) } else { cos_series(r) };
    if quadrant & 2 == 0 { value } else { value.negated() }
}

fn cos(x: Wide) -> Wide {
    let (r, quadrant) = reduce(x);
    let value = if quadrant & 1 == 0 { cos_series(r) } else { sin_series(r) };
    if quadrant == 1 || quadrant == 2 { value.negated() } else { value }
}

fn tan(x: Wide) -> Wide {
    let (r, quadrant) = reduce(x);
    if quadrant & 1 == 0 && r.exponent < -40 {
        // The quotient of the series could come out just below r: r × (1 + r²/3) instead.
        let f = r.fraction();
        return r.times(from_units(UNIT + mul_high(mul_high(f, f), UNIT / 3) + 1));
    }
    let (sine, cosine) = (sin_series(r), cos_series(r));
    if quadrant & 1 == 0 { sine.over(cosine) } else { cosine.over(sine).negated() }
}

// --- functions of registers ----------------------------------------------------------------------

fn note_denormal(env: &mut Env, a: F80) {
    if a.denormal() {
        env.flags |= DE;
    }
}

/// F2XM1; outside -1 to 1, where the manual leaves the result undefined, the operand.
fn two_to_x_minus_one(env: &mut Env, a: F80) -> F80 {
    match a.kind() {
        Kind::Zero => return a,
        Kind::Infinity => return if a.sign() { F80::ONE.negated() } else { a },
        Kind::Finite => note_denormal(env, a),
        _ => return nan_single(env, a),
    }
    let x = Wide::from(a.number());
    if x.exponent > 0 || x.exponent == 0 && x.significand != UNIT {
        env.flags |= PE;
        return a;
    }
    match (x.exponent, x.sign) {
        (0, false) => F80::ONE,
        (0, true) => F80::from_parts(true, BIAS - 1, 1 << 63),
        _ => expm1(x.times(LN2)).round(env),
    }
}

/// y × infinity's product with the sign of a logarithm.
fn infinite_log(env: &mut Env, y: F80, negative: bool) -> F80 {
    if y.kind() == Kind::Zero { env.invalid() } else { F80::infinity(y.sign() != negative) }
}

/// FYL2X: y × log2 x (SDM volume 2, FYL2X).
fn y_log2_x(env: &mut Env, x: F80, y: F80) -> F80 {
    if x.unordered() || y.unordered() {
        return nan_pair(env, x, y);
    }
    match x.kind() {
        Kind::Zero if y.kind() == Kind::Finite => {
            env.flags |= ZE;
            return F80::infinity(!y.sign());
        }
        Kind::Zero => return infinite_log(env, y, true),
        _ if x.sign() => return env.invalid(),
        Kind::Infinity => {
            if y.kind() == Kind::Finite {
                note_denormal(env, y);
            }
            return infinite_log(env, y, false);
        }
        _ => {}
    }
    let number = Wide::from(x.number());
    let power_of_two = number.significand == UNIT;
    let below = number.exponent < 0;
    let one = power_of_two && number.exponent == 0;
    if y.kind() == Kind::Infinity && one {
        return env.invalid();
    }
    note_denormal(env, x);
    note_denormal(env, y);
    match y.kind() {
        Kind::Infinity => return F80::infinity(y.sign() != below),
        Kind::Zero => return F80::zero(y.sign() != below),
        _ => {}
    }
    let factor = Wide::from(y.number());
    match log2(number) {
        None => F80::zero(y.sign()),
        Some(log) if power_of_two => factor.times_exactly(log).round_exact(env),
        Some(log) => factor.times(log).round(env),
    }
}

/// FYL2XP1: y × log2(x + 1) (SDM volume 2, FYL2XP1). The manual defines it for |x| < 1 - √½; here
/// it holds for every x > -1, and x ≤ -1 gives x.
fn y_log2_x_plus_one(env: &mut Env, x: F80, y: F80) -> F80 {
    if x.unordered() || y.unordered() {
        return nan_pair(env, x, y);
    }
    let negative = x.sign();
    match (x.kind(), y.kind()) {
        (Kind::Zero, Kind::Infinity) => return env.invalid(),
        (Kind::Zero, _) => {
            note_denormal(env, y);
            return F80::zero(negative != y.sign());
        }
        (Kind::Infinity, _) if negative => return env.invalid(),
        (Kind::Infinity, _) => {
            if y.kind() == Kind::Finite {
                note_denormal(env, y);
            }
            return infinite_log(env, y, false);
        }
        _ => {}
    }
    let number = Wide::from(x.number());
    note_denormal(env, x);
    note_denormal(env, y);
    match y.kind() {
        Kind::Infinity => return F80::infinity(negative != y.sign()),
        Kind::Zero => return F80::zero(negative != y.sign()),
        _ => {}
    }
    if negative && number.exponent >= 0 {
        env.flags |= PE;
        return x;
    }
    let factor = Wide::from(y.number());
    let near = number.exponent < -2;
    if near {
        let divisor = Wide::integer(2).plus(number).unwrap_or(Wide::ONE);
        return factor.times(log2_ratio(number.over(divisor))).round(env);
    }
    let Some(sum) = number.plus(Wide::ONE) else { return env.invalid() };
    match log2(sum) {
        Some(log) if sum.significand == UNIT && number.exponent < 64 => {
            factor.times_exactly(log).round_exact(env)
        }
        Some(log) => factor.times(log).round(env),
        None => F80::zero(y.sign()),
    }
}

/// FPATAN: the angle of the point (x, y) (SDM volume 2, FPATAN).
fn angle(env: &mut Env, x: F80, y: F80) -> F80 {
    if x.unordered() || y.unordered() {
        return nan_pair(env, x, y);
    }
    note_denormal(env, x);
    note_denormal(env, y);
    let sign = y.sign();
    let signed = |value: Wide| Wide { sign, ..value };
    let straight = |env: &mut Env| if x.sign() { signed(PI).round(env) } else { F80::zero(sign) };
    match (x.kind(), y.kind()) {
        (Kind::Infinity, Kind::Infinity) if x.sign() => {
            return signed(PI.times(Wide::integer(3)).scaled(-2)).round(env);
        }
        (Kind::Infinity, Kind::Infinity) => return signed(PI.scaled(-2)).round(env),
        (_, Kind::Zero) | (Kind::Infinity, _) => return straight(env),
        (_, Kind::Infinity) | (Kind::Zero, _) => return signed(PI.scaled(-1)).round(env),
        _ => {}
    }
    let (a, b) = (Wide::from(y.number()).magnitude(), Wide::from(x.number()).magnitude());
    let steep = (a.exponent, a.significand) > (b.exponent, b.significand);
    let quotient = if steep { b.over(a) } else { a.over(b) };
    if !steep && !x.sign() && quotient.exponent < -63 {
        // The angle is just below the quotient, which may be exact; it is so with 64 bits or not at all.
        let exact =
            quotient.significand as u64 == 0 && quotient.times_exactly(b).significand == a.significand;
        let below = Wide::new(false, quotient.exponent, quotient.significand - u128::from(exact));
        return signed(below).round(env);
    }
    let mut value = atan(quotient);
    if steep {
        value = PI.scaled(-1).plus(value.negated()).unwrap_or(value);
        if x.sign() {
            value = PI.plus(value.negated()).unwrap_or(value);
        }
    } else if x.sign() {
        value = PI.plus(value.negated()).unwrap_or(value);
    }
    signed(value).round(env)
}

/// The argument of a trigonometric function.
enum Argument {
    Number(Wide),
    Zero,
    /// Too large: C2.
    OutOfRange,
    /// The result already.
    Special(F80),
}

fn argument(env: &mut Env, a: F80) -> Argument {
    match a.kind() {
        Kind::Zero => Argument::Zero,
        Kind::Infinity => Argument::Special(env.invalid()),
        Kind::Finite => {
            let x = Wide::from(a.number());
            if x.exponent >= 63 {
                return Argument::OutOfRange;
            }
            note_denormal(env, a);
            Argument::Number(x)
        }
        _ => Argument::Special(nan_single(env, a)),
    }
}

// --- instructions ------------------------------------------------------------------------------

/// The two operands ST(0) and ST(1) become one result.
fn two_to_one(
    cpu: &mut Cpu,
    board: &mut Board,
    op: &Op,
    compute: impl FnOnce(&mut Env, F80, F80) -> F80,
) -> Step {
    enter(cpu, board, op)?;
    record(cpu, op);
    let x = &mut cpu.x87;
    if x.is_empty(0) || x.is_empty(1) {
        if x.stack_fault(false) {
            x.set_st(1, INDEFINITE);
            x.pop();
        }
        return Ok(());
    }
    let mut env = Env::new(x.fcw);
    let value = compute(&mut env, x.st(0), x.st(1));
    if x.accept(&env) {
        x.set_st(1, value);
        x.pop();
    }
    Ok(())
}

/// FYL2X
pub fn fyl2x(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    two_to_one(cpu, board, op, y_log2_x)
}

/// FYL2XP1
pub fn fyl2xp1(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    two_to_one(cpu, board, op, y_log2_x_plus_one)
}

/// FPATAN
pub fn fpatan(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    two_to_one(cpu, board, op, angle)
}

/// F2XM1
pub fn f2xm1(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    enter(cpu, board, op)?;
    record(cpu, op);
    let x = &mut cpu.x87;
    if underflow(x) {
        return Ok(());
    }
    let mut env = Env::new(x.fcw);
    let value = two_to_x_minus_one(&mut env, x.st(0));
    if x.accept(&env) {
        x.set_st(0, value);
    }
    Ok(())
}

/// Meets an empty ST(0).
fn underflow(x: &mut X87) -> bool {
    let empty = x.is_empty(0);
    if empty && x.stack_fault(false) {
        x.set_st(0, INDEFINITE);
    }
    empty
}

/// Meets an empty ST(0) or the lack of room for a second result.
fn no_room(x: &mut X87) -> bool {
    let (empty, full) = (x.is_empty(0), !x.is_empty(7));
    if (empty || full) && x.stack_fault(!empty) {
        x.set_st(0, INDEFINITE);
        x.push(INDEFINITE);
    }
    empty || full
}

/// FSIN and, with `COSINE`, FCOS.
pub fn sine<const COSINE: bool>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    enter(cpu, board, op)?;
    record(cpu, op);
    let x = &mut cpu.x87;
    x.fsw &= !C2;
    if underflow(x) {
        return Ok(());
    }
    let mut env = Env::new(x.fcw);
    let a = x.st(0);
    let value = match argument(&mut env, a) {
        Argument::Number(n) => if COSINE { cos(n) } else { sin(n) }.round(&mut env),
        Argument::Zero => {
            if COSINE {
                F80::ONE
            } else {
                a
            }
        }
        Argument::Special(value) => value,
        Argument::OutOfRange => {
            env.flags |= C2;
            a
        }
    };
    if x.accept(&env) {
        x.set_st(0, value);
    }
    Ok(())
}

/// FSINCOS (`TANGENT` false): the sine, and the cosine pushed. FPTAN: the tangent, and 1 pushed.
pub fn pair<const TANGENT: bool>(cpu: &mut Cpu, board: &mut Board, op: &Op) -> Step {
    enter(cpu, board, op)?;
    record(cpu, op);
    let x = &mut cpu.x87;
    x.fsw &= !C2;
    if no_room(x) {
        return Ok(());
    }
    let mut env = Env::new(x.fcw);
    let a = x.st(0);
    let (first, pushed) = match argument(&mut env, a) {
        Argument::Number(n) if TANGENT => (tan(n).round(&mut env), F80::ONE),
        Argument::Number(n) => {
            let sine = sin(n).round(&mut env);
            env.flags &= !C1;
            (sine, cos(n).round(&mut env))
        }
        Argument::Zero => (a, F80::ONE),
        Argument::Special(value) => (value, value),
        Argument::OutOfRange => {
            x.accept(&env);
            x.fsw |= C2;
            return Ok(());
        }
    };
    if x.accept(&env) {
        x.set_st(0, first);
        x.push(pushed);
    }
    Ok(())
}
