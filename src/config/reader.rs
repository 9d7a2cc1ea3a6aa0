//! Reads typed values out of a tree and goes on after a mistake, so that all are found at once. Knows no key.
//!
//! A [`Section`] learns its known keys from what is read from it; whatever else stands in it is reported when it ends. Each `read` gives
//! `None` only where a problem was reported, so a value that lacks a part never leaves a load.

use std::path::Path;

use crate::problem::{Found, Place, quoted};
use crate::yaml::{Core, Entry, Node, Scalar, Value};

pub(crate) mod wanted;

pub(crate) use wanted::Wanted;

/// Reads every part first, then builds the whole if no part is missing.
macro_rules! all {
    ($name:ident { $($field:ident: $read:expr),* $(,)? }) => {{
        $(let $field = $read;)*
        Some($name { $($field: $field?),* })
    }};
}
pub(crate) use all;

/// A value that is being read.
#[derive(Clone)]
pub(crate) struct Field<'a> {
    pub(crate) node: &'a Node,
    /// The path of its key.
    pub(crate) path: String,
    /// What relative paths are relative to.
    pub(crate) folder: &'a Path,
    pub(crate) found: &'a Found,
}

/// A map that is being read.
pub(crate) struct Section<'a> {
    at: Place,
    pub(crate) path: String,
    pub(crate) folder: &'a Path,
    found: &'a Found,
    entries: &'a [Entry],
    known: Vec<&'static str>,
}

impl<'a> Field<'a> {
    /// Reports a mistake in this value.
    pub(crate) fn wrong<T>(&self, message: impl Into<String>) -> Option<T> {
        self.found.add(&self.node.at, &self.path, message);
        None
    }

    /// Reports a mistake in an entry of this list.
    pub(crate) fn wrong_item(&self, index: usize, message: impl Into<String>) {
        if let Value::List(items) = &self.node.value
            && let Some(item) = items.get(index)
        {
            self.found.add(&item.at, &format!("{}[{index}]", self.path), message);
        }
    }

    /// Reports that the value is not what is wanted.
    pub(crate) fn unlike<T>(&self, wanted: &str) -> Option<T> {
        let is = match &self.node.value {
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
            Value::Scalar(scalar) => match scalar.core() {
                Core::Null => "empty".to_owned(),
                Core::Flag => format!("the truth value {}", quoted(&scalar.text)),
                Core::Number => format!("the number {}", quoted(&scalar.text)),
                Core::Text => quoted(&scalar.text),
            },
        };
        self.wrong(format!("this is {is}, wanted is {wanted}"))
    }

    pub(crate) fn scalar(&self) -> Option<&'a Scalar> {
        match &self.node.value {
            Value::Scalar(scalar) => Some(scalar),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        self.scalar().is_some_and(|scalar| scalar.core() == Core::Null)
    }

    /// The value as a map: what `read` makes of it, and a problem for every key that `read` did not ask for.
    pub(crate) fn section<T>(&self, read: impl FnOnce(&mut Section<'a>) -> Option<T>) -> Option<T> {
        let Value::Map(entries) = &self.node.value else { return self.unlike("a map") };
        Section::of(self, self.node.at.clone(), entries, read)
    }
}

impl<'a> Section<'a> {
    fn of<T>(field: &Field<'a>, at: Place, entries: &'a [Entry], read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let mut section = Self { at, path: field.path.clone(), folder: field.folder, found: field.found, entries, known: Vec::new() };
        let value = read(&mut section);
        section.report_unknown();
        value
    }

    /// The value under `key`, which must be there.
    pub(crate) fn required<T>(&mut self, key: &'static str, wanted: &Wanted<T>) -> Option<T> {
        match self.field(key) {
            Some(field) => wanted.read(&field),
            None => self.missing(key, &wanted.what),
        }
    }

    /// The value under `key`, or `default` where the key is not there.
    pub(crate) fn or<T>(&mut self, key: &'static str, default: T, wanted: &Wanted<T>) -> Option<T> {
        match self.field(key) {
            Some(field) => wanted.read(&field),
            None => Some(default),
        }
    }

    /// The value under `key`, or nothing where the key is not there or is `null`.
    pub(crate) fn optional<T>(&mut self, key: &'static str, wanted: &Wanted<T>) -> Option<Option<T>> {
        match self.field(key) {
            Some(field) if !field.is_null() => wanted.read(&field).map(Some),
            Some(_) | None => Some(None),
        }
    }

    /// The map under `key`; where it is not there, it is read as an empty one, so that every default in it holds.
    pub(crate) fn section<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Section<'a>) -> Option<T>) -> Option<T> {
        match self.field(key) {
            Some(field) => field.section(read),
            None => {
                let mut section = Section {
                    at: self.at.clone(),
                    path: self.path_of(key),
                    folder: self.folder,
                    found: self.found,
                    entries: &[],
                    known: Vec::new(),
                };
                read(&mut section)
            }
        }
    }

    /// The field under `key`, which is a known key from now on.
    pub(crate) fn field(&mut self, key: &'static str) -> Option<Field<'a>> {
        self.known.push(key);
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        Some(Field { node: &entry.node, path: self.path_of(key), folder: self.folder, found: self.found })
    }

    /// The keys of a map whose keys are names, not settings; all are known then.
    pub(crate) fn names(&mut self) -> Vec<(&'a Entry, Field<'a>)> {
        let fields = self.entries.iter().map(|entry| {
            let path = self.path_of(&entry.key);
            (entry, Field { node: &entry.node, path, folder: self.folder, found: self.found })
        });
        let fields = fields.collect();
        self.entries = &[];
        fields
    }

    /// Knows every key, where what they would mean cannot be told.
    pub(crate) fn ignored<T>(&mut self) -> Option<T> {
        self.entries = &[];
        None
    }

    /// Reports a mistake that concerns the section as a whole.
    pub(crate) fn wrong<T>(&self, message: impl Into<String>) -> Option<T> {
        self.found.add(&self.at, &self.path, message);
        None
    }

    /// Reports a mistake in the value of `key`, or in the section where the key is not there.
    pub(crate) fn wrong_at<T>(&self, key: &str, message: impl Into<String>) -> Option<T> {
        self.found.add(&self.place(key), &self.path_of(key), message);
        None
    }

    /// Where the value of `key` stands, or the section where the key is not there.
    pub(crate) fn place(&self, key: &str) -> Place {
        self.entries.iter().find(|entry| entry.key == key).map_or(&self.at, |entry| &entry.node.at).clone()
    }

    pub(crate) fn missing<T>(&self, key: &str, what: &str) -> Option<T> {
        self.found.add(&self.at, &self.path_of(key), format!("the key is missing: add it, wanted is {what}"));
        None
    }

    fn path_of(&self, key: &str) -> String {
        match self.path.as_str() {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        }
    }

    fn report_unknown(&self) {
        for entry in self.entries.iter().filter(|entry| !self.known.contains(&entry.key.as_str())) {
            let known = self.known.iter().map(|key| quoted(key)).collect::<Vec<_>>().join(", ");
            let message = format!("unknown key; known here: {known}");
            self.found.add(&entry.key_at, &self.path_of(&entry.key), message);
        }
    }
}
