//! Instants: microseconds since the Unix epoch, UTC, spelled as RFC 3339 with six digits. No clock here.

use std::fmt;

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Micros(pub i64);

const DAY: i64 = 86_400_000_000;

impl Micros {
    /// This instant plus `millis`, saturating.
    #[must_use]
    pub fn plus_millis(self, millis: u64) -> Self {
        Self(self.0.saturating_add(i64::try_from(millis).unwrap_or(i64::MAX).saturating_mul(1000)))
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }
}

/// A text that is no instant of RFC 3339 in UTC.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no instant in UTC: write it as `2026-01-02T03:04:05Z`, with up to six digits after the seconds")]
pub struct NotAnInstant(String);

impl Micros {
    /// Reads `2026-01-02T03:04:05Z`, with up to six digits of a second.
    ///
    /// # Errors
    /// Any other form, an offset other than `Z`, and a date or time that does not exist; a leap second is refused.
    pub fn parse(text: &str) -> Result<Self, NotAnInstant> {
        Self::read(text).ok_or_else(|| NotAnInstant(text.chars().take(40).collect()))
    }

    fn read(text: &str) -> Option<Self> {
        let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
        let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
        let (whole, fraction) = time.split_once('.').unwrap_or((time, "0"));
        let [hour, minute, second] = numbers(whole, ':', [2, 2, 2])?;
        if fraction.is_empty() || fraction.len() > 6 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let micros: i64 = format!("{fraction:0<6}").parse().ok()?;
        let days = days(year, month, day);
        (civil(days) == (year, month, day) && hour < 24 && minute < 60 && second < 60)
            .then(|| Self(days * DAY + ((hour * 60 + minute) * 60 + second) * 1_000_000 + micros))
    }
}

/// Three numbers of exactly so many digits, parted by `by`.
fn numbers(text: &str, by: char, digits: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(by);
    let mut numbers = [0; 3];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next()?;
        if part.len() != digits || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

/// A date of the proleptic Gregorian calendar to days since the epoch: `civil` the other way round.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let shifted_year = year - i64::from(month <= 2);
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

impl fmt::Display for Micros {
    /// `2026-01-02T03:04:05.678901Z`; years from 0 to 9999.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, rest) = (self.0.div_euclid(DAY), self.0.rem_euclid(DAY));
        let (year, month, day) = civil(days);
        let (seconds, micros) = (rest / 1_000_000, rest % 1_000_000);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
    }
}

/// Days since the epoch to a date of the proleptic Gregorian calendar, by 400-year eras that begin in March.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::Micros;

    #[test]
    fn spelled_as_rfc3339() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (1_767_323_045_678_901, "2026-01-02T03:04:05.678901Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
        ] {
            assert_eq!(Micros(micros).to_string(), text);
            assert_eq!(Micros::parse(text), Ok(Micros(micros)));
        }
    }

    #[test]
    fn every_day_of_a_thousand_years_reads_as_it_is_spelled() {
        for day in -200_000..200_000 {
            let instant = Micros(day * super::DAY);
            assert_eq!(Micros::parse(&instant.to_string()), Ok(instant));
        }
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        for text in [
            "",
            "2026-02-30T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-02T24:00:00Z",
            "2026-01-02T03:04:60Z",
            "2026-01-02 03:04:05Z",
            "2026-01-02T03:04:05+01:00",
            "2026-01-02T03:04:05.1234567Z",
            "2026-01-02T03:04:05.Z",
            "26-01-02T03:04:05Z",
            "2026-01-02T3:04:05Z",
            "2026-01-02T03:04:05",
            "+026-01-02T03:04:05Z",
        ] {
            assert!(Micros::parse(text).is_err(), "{text}");
        }
    }
}
