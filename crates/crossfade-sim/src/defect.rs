//! Engines and drivers that are broken on purpose: what the checker is for has to be seen to find something.

/// One rule that is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// The destination's weight goes to 0 together with the source's.
    ZeroBoth,
    /// The source goes to 0 before the destination is settled.
    ZeroAtOnce,
    /// An answer of long ago counts as health.
    OldHealth,
    /// Weights rise without preflight.
    NoPreflight,
    /// A third cluster's weight is written.
    WriteThird,
    /// A restarted driver begins anew from the weights it finds.
    KeepNothing,
    /// A pause among the steps is passed without promotion.
    SkipPause,
    /// A rollback returns to half of what was.
    HalfBack,
    /// The TTL is taken for one second.
    ShortTtl,
    /// What Route 53 lists counts as everywhere.
    TrustListing,
    /// Leases are not looked at.
    NoLease,
    /// What cannot be read is taken to be as wanted.
    Guess,
    /// Weights of other hands are overwritten.
    Overwrite,
    /// A destination that fails is not noticed.
    IgnoreGates,
    /// Who is behind on one lease keeps the others.
    KeepLeases,
    /// A step that begins while a weight cannot be read knows one earlier value only.
    ForgetPrevious,
    /// A driver that may keep nothing takes a planned end for one.
    EndUnkept,
    /// What is settled is complete: caches are not waited for.
    EndEarly,
    /// What is stuck counts as running, also on the way back.
    StuckHolds,
    /// What is stuck counts as carried on.
    StuckServes,
}

impl Defect {
    /// All of them, in the order of the rules.
    pub const ALL: [Defect; 20] = [
        Defect::ZeroBoth,
        Defect::ZeroAtOnce,
        Defect::OldHealth,
        Defect::NoPreflight,
        Defect::WriteThird,
        Defect::KeepNothing,
        Defect::SkipPause,
        Defect::HalfBack,
        Defect::ShortTtl,
        Defect::TrustListing,
        Defect::NoLease,
        Defect::Guess,
        Defect::Overwrite,
        Defect::IgnoreGates,
        Defect::KeepLeases,
        Defect::ForgetPrevious,
        Defect::EndUnkept,
        Defect::EndEarly,
        Defect::StuckHolds,
        Defect::StuckServes,
    ];

    /// The rule that it breaks, as [`crate::Violation`] names it.
    pub fn rule(self) -> &'static str {
        match self {
            Defect::ZeroBoth => "I1",
            Defect::ZeroAtOnce | Defect::OldHealth | Defect::StuckServes => "I2",
            Defect::NoPreflight => "I3",
            Defect::WriteThird => "I4",
            Defect::KeepNothing | Defect::SkipPause => "I5",
            Defect::HalfBack | Defect::StuckHolds => "I6",
            Defect::ShortTtl | Defect::TrustListing => "I7",
            Defect::NoLease => "I8",
            Defect::Guess => "I9",
            Defect::Overwrite => "I10",
            Defect::IgnoreGates => "gate",
            Defect::EndEarly => "users",
            Defect::KeepLeases | Defect::ForgetPrevious | Defect::EndUnkept => "liveness",
        }
    }
}
