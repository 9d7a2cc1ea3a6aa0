//! Text: repaired counts and replacements, and a fence around what one call may make.

use super::{Answer, Patterns, engine, string, strings};
use regorus::Value;

/// Bytes of text that one call makes.
const MADE_BYTES_MAX: usize = 4 << 20;
/// The largest width or precision of a verb of `sprintf`.
const WIDTH_MAX: usize = 1000;

fn fence(bytes: usize) -> Result<(), String> {
    if bytes > MADE_BYTES_MAX { Err(format!("the text would have {bytes} bytes, at most {MADE_BYTES_MAX} are made")) } else { Ok(()) }
}

/// `concat(delimiter, texts)`.
pub(super) fn concat(args: &[Value], _: &Patterns) -> Answer {
    let (delimiter, texts) = (string(args, 0)?, strings(args, 1)?);
    let bytes = texts.iter().fold(0_usize, |sum, text| sum.saturating_add(text.len()).saturating_add(delimiter.len()));
    fence(bytes)?;
    Ok(Value::from(texts.join(delimiter)))
}

/// `replace(text, old, new)`.
pub(super) fn replace(args: &[Value], _: &Patterns) -> Answer {
    let (text, old, new) = (string(args, 0)?, string(args, 1)?, string(args, 2)?);
    if new.len() > old.len() {
        fence(text.len().saturating_add(text.matches(old).count().saturating_mul(new.len())))?;
    }
    Ok(Value::from(text.replace(old, new)))
}

/// `strings.count(text, part)`: without overlap; as in Go, an empty part stands before each character and at the end.
pub(super) fn count(args: &[Value], _: &Patterns) -> Answer {
    Ok(Value::from(string(args, 0)?.matches(string(args, 1)?).count()))
}

/// `strings.replace_n(pairs, text)`: at each place the first pair, in the order of names, that fits; what was put in is not read again.
pub(super) fn replace_n(args: &[Value], _: &Patterns) -> Answer {
    let wrong = || "argument 1 is not an object of strings, none of them empty".to_owned();
    let Some(Value::Object(object)) = args.first() else { return Err(wrong()) };
    let mut pairs = Vec::new();
    for (old, new) in object.iter_sorted() {
        match (old, new) {
            (Value::String(old), Value::String(new)) if !old.is_empty() => pairs.push((old.as_ref(), new.as_ref())),
            _ => return Err(wrong()),
        }
    }
    let (mut rest, mut out) = (string(args, 1)?, String::new());
    while let Some(first) = rest.chars().next() {
        if let Some((after, new)) = pairs.iter().find_map(|(old, new)| rest.strip_prefix(*old).map(|after| (after, new))) {
            out.push_str(new);
            rest = after;
        } else {
            out.push(first);
            rest = rest.strip_prefix(first).unwrap_or("");
        }
        fence(out.len())?;
    }
    Ok(Value::from(out))
}

/// `sprintf(format, values)`: widths are bounded, `%d` of a negative number has one sign.
pub(super) fn sprintf(args: &[Value], _: &Patterns) -> Answer {
    let format = string(args, 0)?;
    let Some(Value::Array(values)) = args.get(1) else { return Err("argument 2 is not an array".to_owned()) };
    let texts = values.as_slice().iter().fold(0_usize, |sum, value| match value {
        Value::String(text) => sum.saturating_add(text.len()),
        Value::Null | Value::Undefined | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Set(_) | Value::Object(_) => sum,
    });
    fence(texts.saturating_add(format.len()))?;
    let mut values = values.as_slice().iter();
    let (mut safe, mut rest) = (String::with_capacity(format.len()), format.chars().peekable());
    while let Some(character) = rest.next() {
        safe.push(character);
        if character != '%' {
            continue;
        }
        let mut width = String::new();
        while let Some(digit) = rest.next_if(|next| *next == '.' || next.is_numeric()) {
            width.push(digit);
        }
        let number = width.trim_start_matches('.');
        if !width.is_ascii() || (!number.is_empty() && number.parse::<usize>().is_ok_and(|number| number > WIDTH_MAX)) || number.len() > 6 {
            return Err(format!("a width of `{}` in the format: at most {WIDTH_MAX}", canon::text::shown(&width, 20)));
        }
        safe.push_str(&width);
        let Some(verb) = rest.next() else { break };
        let value = if verb == '%' { None } else { values.next() };
        let whole = matches!(value, Some(Value::Number(number)) if number.is_integer());
        safe.push(if verb == 'd' && whole && width.is_empty() { 'v' } else { verb });
    }
    engine::call("sprintf", &[Value::from(safe), args.get(1).cloned().unwrap_or(Value::Null)])
}
