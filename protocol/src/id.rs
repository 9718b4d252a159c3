//! Identifiers as newtypes: strings become types at the edge and never again.

use serde::{Deserialize, Serialize};

macro_rules! string_id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

string_id! {
    /// A client's name of one of its calls: a UUID.
    CallId,
    /// A user as Communication Services write it: `8:acs:<resource>_<user>`, `8:orgid:<oid>`.
    RawId,
    /// One connection of a user: the LiveKit identity.
    EndpointId,
    /// An agent socket's session.
    SessionId,
    /// A breakout room of a meeting: a UUID.
    RoomId,
}
