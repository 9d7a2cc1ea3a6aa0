//! One call's use of the engine: a clone with the call's clock and input, a limit on its time, a fence around its panics.

use crate::problem::{message_of, place_of};
use crate::{Asked, codes};
use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, LimitError, Value};
use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// Units of work of the engine between two looks at its timer.
const CHECK_INTERVAL: NonZeroU32 = NonZeroU32::MIN.saturating_add(63);

/// Why a rule has no value: a code of `codes` and a sentence.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

/// A clone of a prepared engine that answers about one call.
pub(crate) struct Run {
    engine: Engine,
}

impl Run {
    pub(crate) fn start(prepared: &Engine, asked: &Asked) -> Self {
        let mut engine = prepared.clone();
        let now = Value::from(asked.time.0.saturating_mul(1000));
        // The clock is not among the prepared extensions: each clone gets its own, and adding a new name cannot fail.
        let _ = engine.add_extension("time.now_ns".to_owned(), 0, Box::new(move |_| Ok(now.clone())));
        engine.set_input(asked.value.clone());
        Self { engine }
    }

    /// The rule's value, `Undefined` if it has none.
    pub(crate) fn rule(&mut self, path: &str, left: &dyn Fn() -> Duration) -> Result<Value, Fault> {
        let limit = left();
        if limit.is_zero() {
            return Err(Fault { code: codes::TIMEOUT, message: format!("no time was left to evaluate `{path}`") });
        }
        self.engine.set_execution_timer_config(ExecutionTimerConfig { limit, check_interval: CHECK_INTERVAL });
        let result = catch_unwind(AssertUnwindSafe(|| self.engine.eval_rule(path.to_owned())));
        match result {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => match error.downcast_ref::<LimitError>() {
                Some(LimitError::TimeLimitExceeded { .. }) => {
                    Err(Fault { code: codes::TIMEOUT, message: format!("`{path}` took longer than {} ms", limit.as_millis()) })
                }
                Some(LimitError::MemoryLimitExceeded { .. } | LimitError::RegexSizeLimitExceeded { .. }) | None => {
                    Err(Fault { code: codes::ERROR, message: placed(&error.to_string()) })
                }
            },
            Err(_) => Err(Fault { code: codes::PANIC, message: format!("the engine failed inside `{path}`") }),
        }
    }

    /// What `print` wrote since the last time, each as `file:line: text`.
    pub(crate) fn prints(&mut self) -> Vec<String> {
        self.engine.take_prints().unwrap_or_default()
    }
}

/// `file:line:col: what the engine says`.
fn placed(text: &str) -> String {
    match place_of(text) {
        Some((file, line, col)) => format!("{file}:{line}:{col}: {}", message_of(text)),
        None => message_of(text),
    }
}
