//! Engines and drivers that are broken on purpose: what the checker is for has to be seen to find something.

/// One rule that is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// I1: the destination's weight goes to 0 together with the source's.
    ZeroBoth,
    /// I2: the source goes to 0 before the destination is settled.
    ZeroAtOnce,
    /// I3: weights rise without preflight.
    NoPreflight,
    /// I4: a third cluster's weight is written.
    WriteThird,
    /// I5: the status is not kept, so a crash forgets what was before.
    KeepNothing,
    /// I6: a rollback returns to half of what was.
    HalfBack,
    /// I7: the TTL is taken for one second.
    ShortTtl,
    /// I8: leases are not looked at.
    NoLease,
    /// I9: what cannot be read is taken to be as wanted.
    Guess,
    /// I10: weights of other hands are overwritten.
    Overwrite,
}

impl Defect {
    /// All of them, in the order of the invariants.
    pub const ALL: [Defect; 10] = [
        Defect::ZeroBoth,
        Defect::ZeroAtOnce,
        Defect::NoPreflight,
        Defect::WriteThird,
        Defect::KeepNothing,
        Defect::HalfBack,
        Defect::ShortTtl,
        Defect::NoLease,
        Defect::Guess,
        Defect::Overwrite,
    ];
}
