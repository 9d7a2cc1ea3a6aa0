//! What a key's value may be: a description for the message, and how it is read.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use super::{Field, Section};
use crate::problem::{Place, quoted};
use crate::yaml::{Core, Node, Scalar, Value};

type Read<'w, T> = Box<dyn Fn(&Field<'_>) -> Option<T> + 'w>;

/// The kind of value that a key takes.
pub(crate) struct Wanted<'w, T> {
    /// It in words, after "wanted is".
    pub(crate) what: String,
    read: Read<'w, T>,
}

impl<'w, T: 'w> Wanted<'w, T> {
    /// From a field; `None` where a problem was reported.
    pub(crate) fn of(what: impl Into<String>, read: impl Fn(&Field<'_>) -> Option<T> + 'w) -> Self {
        Self { what: what.into(), read: Box::new(read) }
    }

    /// From a text that `parse` accepts; its error says why not.
    pub(crate) fn parsed<E: std::fmt::Display>(what: &str, parse: impl Fn(&str) -> Result<T, E> + 'w) -> Self {
        let wanted = what.to_owned();
        Self::of(what, move |field| {
            let Some(scalar) = field.scalar().filter(|scalar| scalar.core() == Core::Text) else { return field.unlike(&wanted) };
            match parse(&scalar.text) {
                Ok(value) => Some(value),
                Err(error) => field.wrong(format!("{} is not {wanted}: {error}", quoted(&scalar.text))),
            }
        })
    }

    pub(crate) fn read(&self, field: &Field<'_>) -> Option<T> {
        (self.read)(field)
    }
}

/// Any text of so many characters.
pub(crate) fn text(what: &'static str, lengths: RangeInclusive<usize>) -> Wanted<'static, String> {
    Wanted::of(what, move |field| match field.scalar() {
        Some(scalar) if scalar.core() == Core::Text => match scalar.text.chars().count() {
            count if lengths.contains(&count) => Some(scalar.text.clone()),
            count => field.wrong(format!("the text has {count} characters, wanted are {} to {}", lengths.start(), lengths.end())),
        },
        Some(scalar) if matches!(scalar.core(), Core::Flag | Core::Number) => field.unlike(&format!("{what}: put it in quotes")),
        Some(_) | None => field.unlike(what),
    })
}

/// A text of so many of these characters.
pub(crate) fn word(what: &'static str, chars: fn(char) -> bool, lengths: RangeInclusive<usize>) -> Wanted<'static, String> {
    Wanted::of(what, move |field| match field.scalar() {
        Some(scalar) if scalar.core() == Core::Text && scalar.text.chars().all(chars) && lengths.contains(&scalar.text.len()) => {
            Some(scalar.text.clone())
        }
        Some(_) | None => field.unlike(what),
    })
}

/// A name that other keys refer to, and that stands in records and metrics.
pub(crate) fn name() -> Wanted<'static, String> {
    word("a name of 1 to 63 letters, digits, `-`, `_` or `.`", |c| c.is_ascii_alphanumeric() || "-_.".contains(c), 1..=63)
}

/// `true` or `false`.
pub(crate) fn flag() -> Wanted<'static, bool> {
    Wanted::of("`true` or `false`", |field| match field.scalar() {
        Some(scalar) if scalar.plain && scalar.text == "true" => Some(true),
        Some(scalar) if scalar.plain && scalar.text == "false" => Some(false),
        Some(_) | None => field.unlike("`true` or `false`"),
    })
}

/// A whole number in decimal digits, in `range`.
pub(crate) fn whole<N>(range: RangeInclusive<u64>) -> Wanted<'static, N>
where
    N: TryFrom<u64> + 'static,
{
    let what = format!("a whole number from {} to {}", range.start(), range.end());
    Wanted::of(what.clone(), move |field| {
        let digits = field.scalar().filter(|scalar| scalar.plain).map(|scalar| scalar.text.as_str()).filter(|text| is_decimal(text));
        let number = digits.and_then(|digits| digits.parse::<u64>().ok()).filter(|number| range.contains(number));
        match number.and_then(|number| N::try_from(number).ok()) {
            Some(number) => Some(number),
            None => field.unlike(&what),
        }
    })
}

/// Digits without sign and without a leading zero, which readers take for octal.
fn is_decimal(text: &str) -> bool {
    text == "0" || (!text.starts_with('0') && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// One of the given words.
pub(crate) fn one_of<T: Clone + 'static, const N: usize>(words: [(&'static str, T); N]) -> Wanted<'static, T> {
    let what = format!("one of {}", words.iter().map(|(word, _)| quoted(word)).collect::<Vec<_>>().join(", "));
    Wanted::of(what.clone(), move |field| {
        let text = field.scalar().filter(|scalar| scalar.core() == Core::Text).map(|scalar| scalar.text.as_str());
        match words.iter().find(|(word, _)| Some(*word) == text) {
            Some((_, value)) => Some(value.clone()),
            None => field.unlike(&what),
        }
    })
}

/// The name of something that the file defines elsewhere, in `section`.
pub(crate) fn reference<'w>(section: &'static str, names: &'w [String]) -> Wanted<'w, String> {
    Wanted::of(format!("a name from `{section}`"), move |field| {
        let text = field.scalar().map(|scalar| scalar.text.as_str());
        match names.iter().find(|name| Some(name.as_str()) == text) {
            Some(name) => Some(name.clone()),
            None if names.is_empty() => field.unlike(&format!("a name from `{section}`, which has none")),
            None => {
                let names = names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
                field.unlike(&format!("a name from `{section}`: {names}"))
            }
        }
    })
}

/// A path; a relative one is taken from the folder of the file that it stands in.
pub(crate) fn path() -> Wanted<'static, PathBuf> {
    let text = text("a path", 1..=4096);
    Wanted::of("a path", move |field| {
        let path = text.read(field)?;
        if path.contains('\0') {
            return field.unlike("a path without NUL");
        }
        Some(field.folder.join(path))
    })
}

/// A list of `lengths` such values.
pub(crate) fn list<'w, T: 'w>(item: Wanted<'w, T>, lengths: RangeInclusive<usize>) -> Wanted<'w, Vec<T>> {
    let what = format!("a list of {} to {} entries, each {}", lengths.start(), lengths.end(), item.what);
    Wanted::of(what.clone(), move |field| {
        let Value::List(items) = &field.node.value else { return field.unlike(&what) };
        if !lengths.contains(&items.len()) {
            return field.wrong(format!("the list has {} entries, wanted is {what}", items.len()));
        }
        let values = items.iter().enumerate().map(|(index, node)| {
            let path = format!("{}[{index}]", field.path);
            item.read(&Field { node, path, ..field.clone() })
        });
        // Collected twice: every entry is read before the first missing one ends it.
        values.collect::<Vec<_>>().into_iter().collect()
    })
}

/// A map from names to such values.
pub(crate) fn table<'w, K: Ord + 'w, T: 'w>(key: Wanted<'w, K>, value: Wanted<'w, T>, entries_max: usize) -> Wanted<'w, BTreeMap<K, T>> {
    let what = format!("a map from {} to {}", key.what, value.what);
    Wanted::of(what, move |field| {
        field.section(|section| {
            let fields = section.names();
            if fields.len() > entries_max {
                return section.wrong(format!("the map has {} entries: at most {entries_max} are possible", fields.len()));
            }
            let read = fields.iter().map(|(entry, field)| {
                let scalar = Scalar { text: entry.key.clone(), plain: false };
                let node = Node { at: entry.key_at.clone(), value: Value::Scalar(scalar) };
                let name = key.read(&Field { node: &node, ..field.clone() });
                let value = value.read(field);
                Some((name?, value?))
            });
            read.collect::<Vec<_>>().into_iter().collect()
        })
    })
}

/// A map with settings of its own.
pub(crate) fn section<'w, T: 'w>(what: &'static str, read: impl Fn(&mut Section<'_>) -> Option<T> + 'w) -> Wanted<'w, T> {
    Wanted::of(what, move |field| field.section(&read))
}

/// A list of maps that each have a name under `key`, and no two the same.
pub(crate) fn named<'w, T: 'w>(key: &'static str, item: Wanted<'w, T>, lengths: RangeInclusive<usize>) -> Wanted<'w, Vec<T>> {
    let items = list(item, lengths);
    Wanted::of(items.what.clone(), move |field| {
        let names = names_of(field.node, key);
        for (index, (name, at)) in names.iter().enumerate() {
            if let Some((_, first)) = names.iter().take(index).find(|(other, _)| other == name) {
                field.found.add(at, &field.path, format!("the name {} is taken in line {}: choose another", quoted(name), first.line));
            }
        }
        items.read(field)
    })
}

/// The texts under `key` of each map in a list, as they are written, with their places.
pub(crate) fn names_of(list: &Node, key: &str) -> Vec<(String, Place)> {
    let Value::List(items) = &list.value else { return Vec::new() };
    let name = |item: &Node| {
        let Value::Map(entries) = &item.value else { return None };
        let entry = entries.iter().find(|entry| entry.key == key)?;
        let Value::Scalar(scalar) = &entry.node.value else { return None };
        Some((scalar.text.clone(), entry.node.at.clone()))
    };
    items.iter().filter_map(name).collect()
}
