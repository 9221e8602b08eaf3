//! The numbers of INCRBYFLOAT and HINCRBYFLOAT: `long double` of x86-64, which Redis adds and prints with 17 decimals.
//!
//! Its 64 bits of precision show in the reply, so `f64` would give other texts.

use std::fmt;
use std::ops::Add;

/// The longest text that is read as a number.
const TEXT_BYTES_MAX: usize = 5 * 1024 - 1;
/// The exponent of the largest power of five that fits a limb.
const FIVES_AT_ONCE: usize = 13;
/// The exponents of the leading bit that a finite number may have.
const LEADING: std::ops::RangeInclusive<i64> = -16_445..=16_383;

/// A number: `mantissa * 2^exponent`, the mantissa's top bit set unless the number is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LongDouble {
    negative: bool,
    mantissa: u64,
    exponent: i64,
}

impl LongDouble {
    const INFINITY: Self = Self { negative: false, mantissa: 1 << 63, exponent: i64::MAX / 2 };

    /// Reads a decimal or hexadecimal number or an infinity.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        if text.len() > TEXT_BYTES_MAX {
            return None;
        }
        let negative = text.first() == Some(&b'-');
        let text = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
        if text.eq_ignore_ascii_case(b"inf") || text.eq_ignore_ascii_case(b"infinity") {
            return Some(Self { negative, ..Self::INFINITY });
        }
        let number = match text.strip_prefix(b"0x").or_else(|| text.strip_prefix(b"0X")) {
            Some(text) => {
                let (digits, decimals, exponent) = split(text, 16, b'p')?;
                Self::from_digits(&digits, 16, 0, exponent - decimals * 4)
            }
            None => {
                let (digits, decimals, exponent) = split(text, 10, b'e')?;
                Self::from_digits(&digits, 10, exponent - decimals, exponent - decimals)
            }
        };
        Some(Self { negative, ..number? })
    }

    /// `digits * 5^fives * 2^twos`; `None` if that is too large or too small to be told from zero.
    fn from_digits(digits: &[u32], radix: u32, fives: i64, twos: i64) -> Option<Self> {
        let digits = &digits[digits.iter().position(|digit| *digit != 0).unwrap_or(digits.len())..];
        if digits.is_empty() {
            return Some(Self::default());
        }
        // What is far out of range need not be worked out.
        if fives != 0 && !(-5_000..=5_000).contains(&(fives + digits.len() as i64)) {
            return None;
        }
        let mut limbs = Limbs::default();
        for digit in digits {
            limbs.multiply_add(radix, *digit);
        }
        let (mut exponent, mut is_inexact) = (twos, false);
        let count = fives.unsigned_abs() as usize;
        if fives < 0 {
            // Room for the bits that the divisions take (a five is less than 2.33 bits), and for those to be kept.
            let room = count * 233 / 100 / 32 + 4;
            limbs.0.splice(0..0, std::iter::repeat_n(0, room));
            exponent -= room as i64 * 32;
        }
        for done in (0..count).step_by(FIVES_AT_ONCE) {
            let factor = 5_u32.pow((count - done).min(FIVES_AT_ONCE) as u32);
            if fives < 0 {
                is_inexact |= limbs.divide(factor) != 0;
            } else {
                limbs.multiply_add(factor, 0);
            }
        }
        let (top, skipped, rest) = limbs.top();
        let number = Self::rounded(false, top | u128::from(is_inexact || rest), exponent + skipped);
        (LEADING.contains(&(number.exponent + 63))).then_some(number)
    }

    /// The nearest number to `wide * 2^exponent`, the even one of two.
    fn rounded(negative: bool, wide: u128, exponent: i64) -> Self {
        if wide == 0 {
            return Self::default();
        }
        let zeros = wide.leading_zeros();
        let wide = wide << zeros;
        let (mut mantissa, rest) = ((wide >> 64) as u64, wide as u64);
        let mut exponent = exponent - i64::from(zeros) + 64;
        if rest > 1 << 63 || (rest == 1 << 63 && mantissa & 1 == 1) {
            mantissa = mantissa.checked_add(1).unwrap_or_else(|| {
                exponent += 1;
                1 << 63
            });
        }
        Self { negative, mantissa, exponent }
    }

    /// Whether it is neither infinite nor too large to be a number.
    pub(crate) const fn is_finite(self) -> bool {
        self.mantissa == 0 || self.exponent + 63 <= *LEADING.end()
    }

    /// The part before the point, as text, and the one behind it, in units of `10^-17`.
    fn parts(self) -> (String, u64) {
        const UNIT: u128 = 100_000_000_000_000_000;
        if self.exponent >= 0 {
            return (Limbs::shifted(self.mantissa, self.exponent as usize).decimal(), 0);
        }
        let shift = self.exponent.unsigned_abs() as u32;
        let mantissa = u128::from(self.mantissa);
        if shift >= 128 {
            return ("0".to_owned(), 0);
        }
        let mask = (1 << shift) - 1;
        let scaled = (mantissa & mask) * UNIT;
        let (units, rest, half) = (scaled >> shift, scaled & mask, 1 << (shift - 1));
        let units = units + u128::from(rest > half || (rest == half && units & 1 == 1));
        (((mantissa >> shift) + units / UNIT).to_string(), (units % UNIT) as u64)
    }
}

impl Add for LongDouble {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        if self.mantissa == 0 || other.mantissa == 0 {
            return if self.mantissa == 0 { other } else { self };
        }
        if !self.is_finite() || !other.is_finite() {
            return Self::INFINITY;
        }
        let (large, small) = if (self.exponent, self.mantissa) >= (other.exponent, other.mantissa) {
            (self, other)
        } else {
            (other, self)
        };
        // 62 more bits than are kept; of what is shifted out beyond these it matters only that it is not zero.
        let distance = (large.exponent - small.exponent).min(127) as u32;
        let (wide, aligned) = (u128::from(large.mantissa) << 62, u128::from(small.mantissa) << 62);
        let shifted = aligned >> distance;
        let is_inexact = u128::from(shifted << distance != aligned);
        let sum = if large.negative == small.negative { wide + shifted } else { wide - shifted - is_inexact };
        Self::rounded(large.negative, sum | is_inexact, large.exponent - 62)
    }
}

/// 17 decimals without the zeros at the end.
impl fmt::Display for LongDouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, decimals) = self.parts();
        if self.negative && (decimals > 0 || whole != "0") {
            f.write_str("-")?;
        }
        f.write_str(&whole)?;
        if decimals > 0 {
            write!(f, ".{}", format!("{decimals:017}").trim_end_matches('0'))?;
        }
        Ok(())
    }
}

/// The digits of a number, how many of them are behind the point, and its exponent, which comes after `marker`.
fn split(text: &[u8], radix: u32, marker: u8) -> Option<(Vec<u32>, i64, i64)> {
    let (digits, exponent) = match text.iter().position(|byte| byte.eq_ignore_ascii_case(&marker)) {
        Some(at) => (&text[..at], parse_exponent(&text[at + 1..])?),
        None => (text, 0),
    };
    let point = digits.iter().position(|byte| *byte == b'.');
    let decimals = point.map_or(0, |at| digits.len() - at - 1);
    let digits = digits.iter().enumerate().filter(|(at, _)| Some(*at) != point);
    let digits = digits.map(|(_, byte)| char::from(*byte).to_digit(radix)).collect::<Option<Vec<_>>>()?;
    (!digits.is_empty()).then_some((digits, decimals as i64, exponent))
}

fn parse_exponent(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // More than this is out of reach however many digits the number has.
    let size = digits.iter().fold(0_i64, |size, digit| (size * 10 + i64::from(digit - b'0')).min(1_000_000));
    Some(if text[0] == b'-' { -size } else { size })
}

/// A natural number, the lowest limb first, without zeros on top.
#[derive(Default)]
struct Limbs(Vec<u32>);

impl Limbs {
    /// `number * 2^shift`.
    fn shifted(number: u64, shift: usize) -> Self {
        let mut limbs = vec![0; shift / 32];
        let mut rest = u128::from(number) << (shift % 32);
        while rest > 0 {
            limbs.push(rest as u32);
            rest >>= 32;
        }
        Self(limbs)
    }

    fn multiply_add(&mut self, factor: u32, summand: u32) {
        let mut carry = u64::from(summand);
        for limb in &mut self.0 {
            carry += u64::from(*limb) * u64::from(factor);
            *limb = carry as u32;
            carry >>= 32;
        }
        if carry > 0 {
            self.0.push(carry as u32);
        }
    }

    /// Divides and returns the remainder.
    fn divide(&mut self, divisor: u32) -> u32 {
        let mut rest = 0;
        for limb in self.0.iter_mut().rev() {
            rest = rest << 32 | u64::from(*limb);
            *limb = (rest / u64::from(divisor)) as u32;
            rest %= u64::from(divisor);
        }
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
        rest as u32
    }

    /// The upper limbs, how many bits are below them, and whether any of these is set.
    fn top(&self) -> (u128, i64, bool) {
        let below = self.0.len().saturating_sub(4);
        let top = self.0[below..].iter().rev().fold(0, |top, limb| top << 32 | u128::from(*limb));
        (top, below as i64 * 32, self.0[..below].iter().any(|limb| *limb != 0))
    }

    fn decimal(mut self) -> String {
        let mut groups = Vec::new();
        while !self.0.is_empty() {
            groups.push(self.divide(1_000_000_000));
        }
        let Some(first) = groups.pop() else { return "0".to_owned() };
        groups.iter().rev().fold(first.to_string(), |mut text, group| {
            text.push_str(&format!("{group:09}"));
            text
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(a: &str, b: &str) -> String {
        let sum = LongDouble::parse(a.as_bytes()).unwrap() + LongDouble::parse(b.as_bytes()).unwrap();
        if sum.is_finite() { sum.to_string() } else { "infinite".to_owned() }
    }

    #[test]
    fn sums_are_printed_as_redis_prints_them() {
        // The texts are those of Redis 7.0 on x86-64.
        for (a, b, text) in [
            ("10.5", "0.1", "10.6"),
            ("3.0e3", "200", "3200"),
            ("0.1", "0.2", "0.3"),
            ("17179869184", "1.5", "17179869185.5"),
            ("3", "1.000000000000000005", "4.00000000000000001"),
            ("-1.1", "1.1", "0"),
            ("-0", "-0", "0"),
            ("1e-18", "0", "0"),
            ("1e19", "0.5", "10000000000000000000"),
            ("1e40", "1", "9999999999999999999783686092270256259072"),
            ("1e4932", "1e4932", "infinite"),
            ("0x10", "-0X.8p1", "15"),
            ("inf", "1", "infinite"),
            ("inf", "-inf", "infinite"),
        ] {
            assert_eq!(sum(a, b), text, "{a} + {b}");
        }
    }

    #[test]
    fn what_is_no_number_or_out_of_range_is_refused() {
        for text in [
            "",
            "0x",
            "0x1g",
            ".",
            "e1",
            "1e",
            "1e+",
            " 1",
            "1 ",
            "nan",
            "1.2.3",
            "--1",
            "1e4933",
            "1e-5000",
            "1e99999999999999999999",
        ] {
            assert_eq!(LongDouble::parse(text.as_bytes()), None, "{text:?}");
        }
        for text in [".5", "5.", "+5", "-Infinity", "0e99999999999999999999", "1e4932"] {
            assert!(LongDouble::parse(text.as_bytes()).is_some(), "{text:?}");
        }
    }
}
