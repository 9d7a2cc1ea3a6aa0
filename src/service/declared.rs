//! What upstreams said of their tools when they last listed them: for the policy, which trusts none of it.

use crate::view::Route;
use policy::Value;
use protocol::ToolCall;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// Tools that are remembered of one upstream; a further one is not.
const TOOLS_MAX: usize = 4096;
/// Bytes of their definitions, as the upstream wrote them: no upstream takes the memory or the place of another.
const BYTES_MAX: usize = 4 << 20;

/// By upstream.
#[derive(Default)]
pub(crate) struct Declared(RwLock<HashMap<Arc<str>, Tools>>);

/// Of one upstream: by name the definition and its bytes, and all bytes together.
#[derive(Default)]
struct Tools {
    known: HashMap<Arc<str>, (Value, usize)>,
    bytes: usize,
}

impl Declared {
    /// What is known of the called tool; an empty object where nothing is.
    pub(crate) fn of(&self, route: &Route, call: &ToolCall<Value>) -> Value {
        let Some(tool) = &call.tool else { return Value::new_object() };
        self.get(&route.upstream_name, tool).unwrap_or_else(Value::new_object)
    }

    fn get(&self, upstream: &str, tool: &str) -> Option<Value> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(known.get(upstream)?.known.get(tool)?.0.clone())
    }

    /// Remembers a definition of so many bytes. One for which there is no room is forgotten: better nothing than what holds no longer.
    pub(crate) fn put(&self, upstream: &Arc<str>, tool: &Arc<str>, definition: &Value, bytes: usize) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let tools = known.entry(Arc::clone(upstream)).or_default();
        let bytes = bytes.saturating_add(tool.len());
        if let Some((_, before)) = tools.known.remove(tool) {
            tools.bytes = tools.bytes.saturating_sub(before);
        }
        if tools.known.len() < TOOLS_MAX && tools.bytes.saturating_add(bytes) <= BYTES_MAX {
            tools.bytes += bytes;
            tools.known.insert(Arc::clone(tool), (definition.clone(), bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BYTES_MAX, Declared, TOOLS_MAX};
    use policy::Value;
    use std::sync::Arc;

    #[test]
    fn an_upstream_takes_its_own_place_alone() {
        let (declared, definition) = (Declared::default(), Value::Bool(true));
        let put = |upstream: &str, tool: &str, bytes| declared.put(&Arc::from(upstream), &Arc::from(tool), &definition, bytes);
        let has = |upstream: &str, tool: &str| declared.get(upstream, tool).is_some();
        put("bad", "large", BYTES_MAX);
        put("bad", "first", BYTES_MAX / 2);
        put("bad", "second", BYTES_MAX / 2);
        put("good", "tool", 100);
        assert_eq!([has("bad", "large"), has("bad", "first"), has("bad", "second"), has("good", "tool")], [false, true, false, true]);
        put("bad", "first", 100);
        put("bad", "second", BYTES_MAX / 2);
        assert!(has("bad", "second"), "what a tool took is given back");
        put("bad", "second", BYTES_MAX);
        assert!(!has("bad", "second"), "the old definition does not stay");
        for number in 0..TOOLS_MAX {
            put("bad", &number.to_string(), 1);
        }
        let last = (TOOLS_MAX - 1).to_string();
        assert_eq!([has("bad", "0"), has("bad", &last)], [true, false], "tools are counted too");
    }
}
