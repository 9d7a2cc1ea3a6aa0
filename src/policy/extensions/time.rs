//! Dates: RFC 3339 as Go reads it, and no zone that depends on the machine.

use super::{Answer, Patterns, engine, string};
use regorus::Value;

/// `time.parse_rfc3339_ns(text)`: the date and the time are joined by `T`, and there is no second 60.
pub(super) fn parse_rfc3339(args: &[Value], _: &Patterns) -> Answer {
    let text = string(args, 0)?;
    let bytes = text.as_bytes();
    if bytes.get(10) != Some(&b'T') || bytes.get(17..19) == Some(b"60") || text.ends_with('z') {
        return Err(format!("`{}` is not an instant of RFC 3339", canon::text::shown(text, 80)));
    }
    engine::call("time.parse_rfc3339_ns", args)
}

macro_rules! without_local_zone {
    ($($(#[$doc:meta])* $function:ident: $name:literal;)*) => {$(
        $(#[$doc])*
        pub(super) fn $function(args: &[Value], _: &Patterns) -> Answer {
            refuse_local_zone(args)?;
            engine::call($name, args)
        }
    )*};
}

without_local_zone! {
    /// `time.add_date(ns, years, months, days)`.
    add_date: "time.add_date";
    /// `time.clock(ns)`.
    clock: "time.clock";
    /// `time.date(ns)`.
    date: "time.date";
    /// `time.diff(ns, ns)`.
    diff: "time.diff";
    /// `time.format(ns)`.
    format: "time.format";
    /// `time.weekday(ns)`.
    weekday: "time.weekday";
}

fn refuse_local_zone(args: &[Value]) -> Result<(), String> {
    let local = |arg: &Value| matches!(arg, Value::Array(items) if items.get(1) == Some(&Value::from("Local")));
    if args.iter().any(local) {
        return Err("the zone `Local` is another one on each machine: name the zone, as `Europe/Berlin`".to_owned());
    }
    Ok(())
}
