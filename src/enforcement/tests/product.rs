//! Every case there is: each dimension with its words, and a walk over the whole product.

use crate::{
    Approval, Caller, Case, Freshness, Level, Lock, Overridable, Presented, Rules, Ruling, Sensitive, Sensitivity, Tenancy, Verdict, judge,
};

/// A word for each variant. The match makes a forgotten variant a compile error.
macro_rules! words {
    ($name:ident: $type:ident { $($word:literal = $variant:ident,)+ }) => {
        const $name: &[(&str, $type)] = {
            const fn complete(value: $type) -> $type {
                match value { $($type::$variant => $type::$variant,)+ }
            }
            &[$(($word, complete($type::$variant)),)+]
        };
    };
}

words!(LEVELS: Level { "warn" = Warn, "observe" = Observe, "strict" = Strict, "fail_closed" = FailClosed, });
words!(CALLERS: Caller { "known" = Identified, "near" = UnidentifiedNear, "far" = UnidentifiedFar, });
words!(AGES: Freshness { "fresh" = Fresh, "stale" = Stale, });
words!(LOCKS: Lock { "off" = Off, "on" = On, });
words!(TENANCIES: Tenancy { "agreed" = Agreed, "disagreed" = Disagreed, });
words!(VERDICTS: Verdict { "allow" = Allow, "deny" = Deny, "error" = Error, });
words!(OVERRIDABLE: Overridable { "yes" = Yes, "never" = Never, });
words!(APPROVALS: Approval { "not_asked" = NotAsked, "required" = Required, });
words!(SENSITIVITIES: Sensitivity { "plain" = Plain, "sensitive" = Sensitive, });
words!(SENSITIVE_RULES: Sensitive { "recorded" = Recorded, "needs_approval" = NeedsApproval, });
words!(PRESENTED: Presented {
    "nothing" = Nothing, "rejected" = Rejected, "approval" = Approval, "override" = Override, "override_short" = OverrideShort, "break_glass" = BreakGlass,
});

fn only_words<T>(pairs: &[(&'static str, T)]) -> Vec<&'static str> {
    pairs.iter().map(|(word, _)| *word).collect()
}

/// How many dimensions there are.
pub(super) const WIDTH: usize = 12;

/// A place in the product: the index of a value in each dimension. All zeros is an allowed call with nothing odd.
pub(super) type Point = [usize; WIDTH];

/// The dimensions: the name of each and the words of its values.
pub(super) fn dimensions() -> [(&'static str, Vec<&'static str>); WIDTH] {
    [
        ("level", only_words(LEVELS)),
        ("caller", only_words(CALLERS)),
        ("policy", only_words(AGES)),
        ("revocations", only_words(AGES)),
        ("lock", only_words(LOCKS)),
        ("tenancy", only_words(TENANCIES)),
        ("verdict", only_words(VERDICTS)),
        ("overridable", only_words(OVERRIDABLE)),
        ("approval", only_words(APPROVALS)),
        ("sensitivity", only_words(SENSITIVITIES)),
        ("sensitive_rule", only_words(SENSITIVE_RULES)),
        ("presented", only_words(PRESENTED)),
    ]
}

/// The rules and the case at a place.
pub(super) fn at(point: Point) -> (Rules, Case) {
    let [level, caller, policy, revocations, lock, tenancy, verdict, overridable, approval, sensitivity, sensitive_rule, presented] = point;
    (
        Rules { level: LEVELS[level].1, sensitive: SENSITIVE_RULES[sensitive_rule].1, lock: LOCKS[lock].1 },
        Case {
            caller: CALLERS[caller].1,
            tenancy: TENANCIES[tenancy].1,
            verdict: VERDICTS[verdict].1,
            approval: APPROVALS[approval].1,
            sensitivity: SENSITIVITIES[sensitivity].1,
            overridable: OVERRIDABLE[overridable].1,
            presented: PRESENTED[presented].1,
            policy: AGES[policy].1,
            revocations: AGES[revocations].1,
        },
    )
}

/// Visits every case with its ruling.
pub(super) fn every(mut visit: impl FnMut(Rules, Case, Ruling)) {
    let sizes = dimensions().map(|(_, words)| words.len());
    let count: usize = sizes.iter().product();
    for number in 0..count {
        let mut rest = number;
        let point = sizes.map(|size| {
            let index = rest % size;
            rest /= size;
            index
        });
        let (rules, case) = at(point);
        visit(rules, case, judge(&rules, &case));
    }
    assert!(count > 50_000, "the product has shrunk to {count} cases");
}

/// A ruling in one line.
pub(super) fn shown(ruling: &Ruling) -> String {
    let codes = |codes: &[crate::Code]| codes.iter().map(|code| code.as_str()).collect::<Vec<_>>().join(" ");
    match ruling {
        Ruling::Forward(passage) => {
            let lift = passage.lifted.map_or_else(String::new, |lift| format!(" by {lift:?}"));
            let warnings = if passage.warnings.is_empty() { String::new() } else { format!(" warning {}", codes(&passage.warnings)) };
            format!("forward{lift}{warnings}")
        }
        Ruling::Refuse(refusal) => {
            let lift = refusal.lift.map_or_else(String::new, |lift| format!(" [{lift:?} lifts it]"));
            format!("refuse {:?} {}{lift}", refusal.class, codes(&refusal.codes))
        }
    }
}
