//! One record set as far as routing is concerned, and which record sets may share a name and type.

/// One record set of a name and type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Tells the weighted record sets of one name and type apart; empty for a simple record set.
    pub set_identifier: String,
    /// The routing policy with its parameter.
    pub routing: Routing,
    /// What is known of the health of its target.
    pub health: Health,
}

/// The routing policies that are modelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Routing {
    /// The only record set of its name and type.
    Simple,
    /// One of several, in proportion to its weight, 0 to 255.
    Weighted(u8),
}

/// What Route 53 knows of the health of a record set's target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Health {
    /// The result of the record set's own health check; `None` when it has none.
    pub health_check: Option<bool>,
    /// For an alias with `EvaluateTargetHealth`, whether the target is healthy; `None` for an alias without it and for a
    /// record set that is no alias.
    pub evaluated_target: Option<bool>,
}

impl Health {
    /// Neither a health check nor an evaluated target: always taken as healthy.
    pub const UNCHECKED: Self = Self { health_check: None, evaluated_target: None };

    /// An alias whose target's health Route 53 evaluates (`true`), or does not look at (`false`).
    pub fn of_alias(evaluate_target_health: bool, target_healthy: bool) -> Self {
        Self { health_check: None, evaluated_target: evaluate_target_health.then_some(target_healthy) }
    }

    /// Healthy means that nothing which is checked says otherwise.
    pub fn is_healthy(self) -> bool {
        self.health_check != Some(false) && self.evaluated_target != Some(false)
    }
}

/// Why record sets cannot share a name and type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoutingError {
    /// Route 53 keeps one routing policy per name and type.
    #[error("simple and weighted record sets with the same name and type")]
    MixedPolicies,
    /// There can be one simple record set only.
    #[error("{count} simple record sets with the same name and type")]
    SeveralSimple {
        /// How many there are.
        count: usize,
    },
    /// Set identifiers are unique within a name and type.
    #[error("set identifier `{set_identifier}` is used twice with the same name and type")]
    DuplicateSetIdentifier {
        /// The identifier that occurs twice.
        set_identifier: String,
    },
}

/// Checks that `records` can be the record sets of one name and type.
pub fn check_group(records: &[Record]) -> Result<(), RoutingError> {
    let simple = records.iter().filter(|record| record.routing == Routing::Simple).count();
    if simple > 0 && simple < records.len() {
        return Err(RoutingError::MixedPolicies);
    }
    if simple > 1 {
        return Err(RoutingError::SeveralSimple { count: simple });
    }
    for (index, record) in records.iter().enumerate() {
        let twice = records[..index].iter().any(|earlier| earlier.set_identifier == record.set_identifier);
        if twice {
            return Err(RoutingError::DuplicateSetIdentifier {
                set_identifier: record.set_identifier.clone(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mk_record(set_identifier: &str, routing: Routing) -> Record {
        Record { set_identifier: set_identifier.to_owned(), routing, health: Health::UNCHECKED }
    }

    #[test]
    fn one_policy_per_name_and_type() {
        let simple = mk_record("", Routing::Simple);
        let blue = mk_record("blue", Routing::Weighted(1));
        let green = mk_record("green", Routing::Weighted(1));
        assert_eq!(check_group(&[blue.clone(), green]), Ok(()));
        assert_eq!(check_group(&[simple.clone(), blue.clone()]), Err(RoutingError::MixedPolicies));
        assert_eq!(check_group(&[simple.clone(), simple]), Err(RoutingError::SeveralSimple { count: 2 }));
        assert_eq!(
            check_group(&[blue.clone(), blue]),
            Err(RoutingError::DuplicateSetIdentifier { set_identifier: "blue".to_owned() })
        );
    }

    #[test]
    fn health_is_bad_only_when_something_checked_says_so() {
        assert!(Health::UNCHECKED.is_healthy());
        assert!(Health::of_alias(false, false).is_healthy());
        assert!(Health::of_alias(true, true).is_healthy());
        assert!(!Health::of_alias(true, false).is_healthy());
        let failing_check = Health { health_check: Some(false), evaluated_target: Some(true) };
        assert!(!failing_check.is_healthy());
    }
}
