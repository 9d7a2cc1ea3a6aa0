//! Numbers: which tokens have one reading, and how RFC 8785 (ECMAScript `Number::toString`) spells them.

use super::{Number, Reason};
use std::io::Write as _;

/// 2^53-1: the largest integer that a double holds together with all below it.
const INTEGER_MAX: i64 = 9_007_199_254_740_991;
/// No double needs more digits than these to be told from its neighbours.
const DIGITS_MAX: usize = 17;

/// A decimal value: 0.`digits` times ten to the power `point`. Without zeros at either end, so that equal values have equal fields.
#[derive(PartialEq, Eq)]
struct Decimal {
    digits: [u8; DIGITS_MAX],
    length: usize,
    point: i64,
}

impl Decimal {
    /// Of a token `digits[.digits][e[+-]digits]`, unsigned; `None` if it has more digits than a double tells apart.
    fn of(token: &[u8]) -> Option<Self> {
        let mut decimal = Self { digits: [0; DIGITS_MAX], length: 0, point: 0 };
        let (mut zeros, mut fraction, mut rest) = (0_usize, false, token.iter());
        while let Some(byte) = rest.next() {
            match byte {
                b'.' => fraction = true,
                b'e' | b'E' => {
                    decimal.point = decimal.point.saturating_add(exponent(rest.as_slice()));
                    break;
                }
                b'0' if decimal.length == 0 => decimal.point -= i64::from(fraction),
                digit => {
                    decimal.point += i64::from(!fraction);
                    if *digit == b'0' {
                        zeros += 1;
                    } else {
                        let place = decimal.length + zeros;
                        *decimal.digits.get_mut(place)? = digit - b'0';
                        (decimal.length, zeros) = (place + 1, 0);
                    }
                }
            }
        }
        if decimal.length == 0 {
            decimal.point = 0;
        }
        Some(decimal)
    }

    fn digits(&self) -> impl Iterator<Item = u8> {
        self.digits.iter().take(self.length).map(|digit| b'0' + digit)
    }
}

fn exponent(text: &[u8]) -> i64 {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    let value = digits.iter().fold(0_i64, |value, digit| value.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    if negative { -value } else { value }
}

/// The number that `token`, which is a number by RFC 8259's grammar, stands for.
pub(super) fn read(token: &str) -> Result<Number, Reason> {
    let (negative, unsigned) = match token.strip_prefix('-') {
        Some(unsigned) => (true, unsigned),
        None => (false, token),
    };
    let signed = |value: i64| Number::Int(if negative { -value } else { value });
    if unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return match unsigned.parse::<i64>() {
            Ok(value) if value <= INTEGER_MAX => Ok(signed(value)),
            Ok(_) | Err(_) => Err(Reason::UnsafeInteger),
        };
    }
    let written = Decimal::of(unsigned.as_bytes()).ok_or(Reason::InexactNumber)?;
    let value: f64 = token.parse().map_err(|_| Reason::Syntax)?;
    let nearest = |value: f64| Decimal::of(ryu_js::Buffer::new().format_finite(value.abs()).as_bytes());
    // A double holds any 15 digits (IEEE 754, binary64's decimal precision) as long as it is neither huge nor subnormal.
    let is_held = written.length <= 15 && (-300..=300).contains(&written.point);
    if !is_held && (!value.is_finite() || nearest(value).is_none_or(|nearest| nearest != written)) {
        return Err(Reason::InexactNumber);
    }
    let length = i64::try_from(written.length).unwrap_or(i64::MAX);
    if written.point < length || written.point > 21 {
        return Ok(Number::Float(value));
    }
    // An integer whose RFC 8785 form has no exponent.
    let zeros = u32::try_from(written.point - length).map_err(|_| Reason::UnsafeInteger)?;
    let whole = written.digits().fold(0_i64, |whole, digit| whole * 10 + i64::from(digit - b'0'));
    match 10_i64.checked_pow(zeros).and_then(|scale| whole.checked_mul(scale)) {
        Some(whole) if whole <= INTEGER_MAX => Ok(signed(whole)),
        Some(_) | None => Err(Reason::UnsafeInteger),
    }
}

/// The number nearest to `value`: of an infinite one the largest.
pub(super) fn of_double(value: f64) -> Number {
    let mut text = Vec::new();
    let finite = value.clamp(f64::MIN, f64::MAX);
    write(Number::Float(finite), &mut text);
    std::str::from_utf8(&text).ok().and_then(|text| read(text).ok()).unwrap_or(Number::Float(finite))
}

/// Appends `number` as RFC 8785 section 3.2.2.3 spells it; `null` if it is not finite, which no parsed number is.
pub(super) fn write(number: Number, out: &mut Vec<u8>) {
    // Writing into a vector cannot fail.
    let _ = match number {
        Number::Int(value) => write!(out, "{value}"),
        Number::Float(value) if value.is_finite() => out.write_all(ryu_js::Buffer::new().format_finite(value).as_bytes()),
        Number::Float(_) => out.write_all(b"null"),
    };
}
