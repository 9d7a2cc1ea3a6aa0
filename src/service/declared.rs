//! What upstreams said of their tools when they last listed them: for the policy, which trusts none of it.

use crate::view::Route;
use policy::Value;
use protocol::ToolCall;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// Tools that are remembered, all upstreams together; a further one is not.
const TOOLS_MAX: usize = 10_000;

/// An upstream's name and a tool's.
type Name = (Arc<str>, Arc<str>);

/// By upstream and tool.
#[derive(Default)]
pub(crate) struct Declared(RwLock<HashMap<Name, Value>>);

impl Declared {
    /// What is known of the called tool; an empty object where nothing is.
    pub(crate) fn of(&self, route: &Route, call: &ToolCall<Value>) -> Value {
        let Some(tool) = &call.tool else { return Value::new_object() };
        let key = (Arc::clone(&route.upstream_name), Arc::from(tool.as_str()));
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned().unwrap_or_else(Value::new_object)
    }

    /// Remembers a definition.
    pub(crate) fn put(&self, upstream: &Arc<str>, tool: &Arc<str>, definition: &Value) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let key = (Arc::clone(upstream), Arc::clone(tool));
        if known.len() < TOOLS_MAX || known.contains_key(&key) {
            known.insert(key, definition.clone());
        }
    }
}
