//! A mode's settings as text: JSON, YAML and environment variables. Knows no setting by name.

use serde_json::Value;

use super::ModeView;

/// The prefix of a setting's name in the environment.
const VARIABLE_PREFIX: &str = "SOMA";

impl ModeView<'_> {
    /// Every setting with its path, each a scalar or a list of words; a list is joined by commas.
    #[must_use]
    pub fn leaves(&self) -> Vec<(Vec<String>, String)> {
        let mut leaves = Vec::new();
        collect(&self.value(), &mut Vec::new(), &mut leaves);
        leaves
    }

    /// One JSON object, indented.
    #[must_use]
    pub fn json(&self) -> String {
        format!("{:#}\n", self.value())
    }

    /// The same as YAML that `modes.yaml` could hold.
    #[must_use]
    pub fn yaml(&self) -> String {
        let mut out = String::new();
        write_yaml(&self.value(), 0, &mut out);
        out
    }

    /// `NAME=value` lines, as an `.env` file has them: `SOMA_` and the path in capitals, joined by `_`. No value needs quotes.
    #[must_use]
    pub fn env(&self) -> String {
        self.leaves().iter().map(|(path, value)| format!("{}={value}\n", variable(path))).collect()
    }

    fn value(&self) -> Value {
        // Settings are words, numbers, lists and maps with words as keys: they always have a JSON form.
        serde_json::to_value(self).unwrap_or(Value::Null)
    }
}

/// The name of a setting in the environment.
fn variable(path: &[String]) -> String {
    let capitals = path.join("_").to_ascii_uppercase();
    // `agent_mode` is SOMA_AGENT_MODE by the same rule as every setting.
    format!("{VARIABLE_PREFIX}_{capitals}")
}

fn collect(value: &Value, path: &mut Vec<String>, leaves: &mut Vec<(Vec<String>, String)>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                path.push(key.clone());
                collect(value, path, leaves);
                path.pop();
            }
        }
        Value::Array(items) => leaves.push((path.clone(), items.iter().map(word).collect::<Vec<_>>().join(","))),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => leaves.push((path.clone(), word(value))),
    }
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

fn write_yaml(value: &Value, indent: usize, out: &mut String) {
    let Value::Object(map) = value else { return };
    for (key, value) in map {
        out.push_str(&" ".repeat(indent));
        out.push_str(key);
        out.push(':');
        if let Value::Object(_) = value {
            out.push('\n');
            write_yaml(value, indent.saturating_add(2), out);
        } else {
            // JSON's scalars and lists of scalars are YAML's flow style.
            out.push_str(&format!(" {value}\n"));
        }
    }
}
