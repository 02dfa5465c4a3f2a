//! Time zones: UTC, offsets that a text named, and the zones of the IANA database, which comes with the program.
//!
//! Never looks at the machine: its local zone has no place in a rendering, so Go's `Local` is UTC here.

use std::rc::Rc;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::Moment;

/// What a time is shown in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Zone {
    /// `UTC`
    #[default]
    Utc,
    /// Go's `Local`.
    Local,
    /// An offset in seconds east of UTC, and the name a text gave it; empty when it gave none.
    Fixed(Rc<str>, i64),
    /// A zone of the database.
    Named(Rc<str>, TimeZone),
}

impl Zone {
    /// `time.LoadLocation`; `None` for a name that is not in the database.
    pub fn load(name: &str) -> Option<Self> {
        match name {
            "" | "UTC" => return Some(Self::Utc),
            "Local" => return Some(Self::Local),
            _ => {}
        }
        // The database takes any case, Go takes a file's name.
        let zone = TimeZoneDatabase::bundled().get(name).ok()?;
        (zone.iana_name() == Some(name)).then(|| Self::Named(name.into(), zone))
    }

    /// The zone's name, as `time.Location` prints it.
    pub fn name(&self) -> &str {
        match self {
            Self::Utc => "UTC",
            Self::Local => "Local",
            Self::Fixed(name, _) | Self::Named(name, _) => name,
        }
    }

    /// Seconds east of UTC and the abbreviation at a time, and whether it is daylight saving time.
    pub fn at(&self, moment: Moment) -> (i64, String, bool) {
        match self {
            Self::Utc | Self::Local => (0, "UTC".to_owned(), false),
            Self::Fixed(name, offset) => (*offset, name.to_string(), false),
            Self::Named(_, zone) => {
                // The database ends where jiff's years do.
                let least = Timestamp::MIN.as_second();
                let seconds = moment.seconds().clamp(least, Timestamp::MAX.as_second());
                let at = Timestamp::from_second(seconds).unwrap_or_default();
                let info = zone.to_offset_info(at);
                (info.offset().seconds().into(), info.abbreviation().to_owned(), info.dst().is_dst())
            }
        }
    }
}
