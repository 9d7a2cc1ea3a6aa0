//! Numbers: which tokens have one reading, and how RFC 8785 (ECMAScript `Number::toString`) spells them.

use super::{Number, Reason};
use std::fmt::Write as _;

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

    /// The shortest one that reads back as `value`; `None` if that is not finite.
    fn of_double(value: f64) -> Option<Self> {
        if !value.is_finite() {
            return None;
        }
        let mut text = Fixed { bytes: [0; 32], length: 0 };
        write!(text, "{:e}", value.abs()).ok()?;
        Self::of(text.bytes.get(..text.length)?)
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

/// Holds the longest `{:e}` of a double: 24 bytes.
struct Fixed {
    bytes: [u8; 32],
    length: usize,
}

impl std::fmt::Write for Fixed {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.length + text.len();
        self.bytes.get_mut(self.length..end).ok_or(std::fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
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
    if !value.is_finite() || Decimal::of_double(value).is_none_or(|nearest| nearest != written) {
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

/// Appends `number` as RFC 8785 section 3.2.2.3 spells it; `null` if it is not finite, which no parsed number is.
pub(super) fn write(number: Number, out: &mut Vec<u8>) {
    match number {
        Number::Int(value) => text(out, format_args!("{value}")),
        Number::Float(value) => match Decimal::of_double(value) {
            Some(decimal) => double(value < 0.0, &decimal, out),
            None => out.extend_from_slice(b"null"),
        },
    }
}

fn text(out: &mut Vec<u8>, arguments: std::fmt::Arguments<'_>) {
    // Writing into a vector cannot fail.
    let _ = std::io::Write::write_fmt(out, arguments);
}

/// ECMAScript `Number::toString` (ECMA-262 section 6.1.6.1.20), where n is `point` and k is `length`.
fn double(negative: bool, decimal: &Decimal, out: &mut Vec<u8>) {
    let length = i64::try_from(decimal.length).unwrap_or(i64::MAX);
    let zeros = |out: &mut Vec<u8>, count: i64| (0..count).for_each(|_| out.push(b'0'));
    if negative {
        out.push(b'-');
    }
    match decimal.point {
        _ if length == 0 => out.push(b'0'),
        point if point > 21 || point <= -6 => {
            let mut digits = decimal.digits();
            out.extend(digits.next());
            if length > 1 {
                out.push(b'.');
                out.extend(digits);
            }
            text(out, format_args!("e{:+}", point - 1));
        }
        point if point <= 0 => {
            out.extend_from_slice(b"0.");
            zeros(out, -point);
            out.extend(decimal.digits());
        }
        point => {
            let whole = usize::try_from(point).unwrap_or(usize::MAX);
            out.extend(decimal.digits().take(whole));
            zeros(out, point - length);
            if length > point {
                out.push(b'.');
                out.extend(decimal.digits().skip(whole));
            }
        }
    }
}
