//! Chat brought over from another server with the chat REST interface of Communication Services: `walk`
//! goes from user to user, `thread` takes one thread, `take` reads one message, `source` is the other server.
//!
//! It writes through the store, as nobody could over REST: ids, times and senders stay what they were.
//! Whatever the other server says is checked like a stranger's (`S12`, `S13`, `S16`).

mod access;
mod identities;
mod journal;
mod report;
mod shapes;
mod source;
mod take;
mod thread;
mod walk;

pub use access::{Access, AccessError, ConnectionString, UserTokens};
pub use identities::{Identities, IdentityError, Way};
pub use journal::{Journal, JournalError};
pub use report::{Code, Counts, Finding, Mapping, Outcome, Report, ThreadReport};
pub use source::{Source, SourceError};
pub use walk::{Import, ImportError, Step, Watch};
