//! Numbers: what one call may cost, and what is one.

use super::{Answer, Patterns, engine, integer};
use regorus::Value;

/// Items of a range.
const RANGE_ITEMS_MAX: u64 = 10_000;
/// Bits of a shift to the left.
const SHIFT_BITS_MAX: i64 = 1024;

/// `numbers.range(a, b)`.
pub(super) fn range(args: &[Value], _: &Patterns) -> Answer {
    fence_range(integer(args, 0)?, integer(args, 1)?, 1)?;
    engine::call("numbers.range", args)
}

/// `numbers.range_step(a, b, step)`.
pub(super) fn range_step(args: &[Value], _: &Patterns) -> Answer {
    let step = u64::try_from(integer(args, 2)?).ok().filter(|step| *step > 0).ok_or("the step is not a positive integer")?;
    fence_range(integer(args, 0)?, integer(args, 1)?, step)?;
    engine::call("numbers.range_step", args)
}

fn fence_range(from: i64, to: i64, step: u64) -> Result<(), String> {
    let items = from.abs_diff(to) / step;
    if items >= RANGE_ITEMS_MAX { Err(format!("more than {RANGE_ITEMS_MAX} items")) } else { Ok(()) }
}

/// `bits.lsh(number, bits)`.
pub(super) fn lsh(args: &[Value], _: &Patterns) -> Answer {
    if integer(args, 1)? > SHIFT_BITS_MAX {
        return Err(format!("more than {SHIFT_BITS_MAX} bits"));
    }
    engine::call("bits.lsh", args)
}

/// `to_number(value)`: text with spaces around is no number.
pub(super) fn to_number(args: &[Value], _: &Patterns) -> Answer {
    let begins = |text: &str| text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    let ends = |text: &str| text.ends_with(|last: char| last.is_ascii_digit());
    if let [Value::String(text)] = args
        && !(begins(text) && ends(text))
    {
        return Err(format!("`{}` is not a number", canon::text::shown(text, 80)));
    }
    engine::call("to_number", args)
}
