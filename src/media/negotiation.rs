//! Offers and answers, one at a time (RFC 3264; the client always offers). Pure.

/// Why an offer is made, beyond what the browser itself wants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted {
    /// More receiving audio sections.
    pub audios: u32,
    /// More receiving video sections.
    pub videos: u32,
    /// New ICE credentials.
    pub ice_restart: bool,
}

impl Wanted {
    fn and(self, other: Wanted) -> Wanted {
        Wanted {
            // The engine names what it lacks in all, not what it lacks more than last time.
            audios: self.audios.max(other.audios),
            videos: self.videos.max(other.videos),
            ice_restart: self.ice_restart || other.ice_restart,
        }
    }

    /// The sections of a lost offer stand in the peer connection already.
    fn repeated(self) -> Wanted {
        Wanted {
            audios: 0,
            videos: 0,
            ..self
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum State {
    Stable,
    /// The browser makes the offer.
    Making(Wanted),
    /// Sent, or about to be; no answer yet.
    Pending(Wanted),
}

/// Where offer and answer stand.
#[derive(Debug)]
pub struct Negotiation {
    id: u32,
    state: State,
    next: Option<Wanted>,
}

impl Default for Negotiation {
    fn default() -> Self {
        Self {
            id: 1,
            state: State::Stable,
            next: None,
        }
    }
}

impl Negotiation {
    /// Id of the last offer; the answer to it carries the same.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The first offer was made outside of this socket; it may not be answered yet.
    pub fn first_offer(&mut self, unanswered: bool) {
        self.state = if unanswered {
            State::Pending(Wanted::default())
        } else {
            State::Stable
        };
    }

    /// An offer is wanted; `Some` when it can be made now.
    pub fn want(&mut self, wanted: Wanted) -> Option<Wanted> {
        match self.state {
            State::Stable => {
                self.state = State::Making(wanted);
                Some(wanted)
            }
            State::Making(_) | State::Pending(_) => {
                self.next = Some(self.next.unwrap_or_default().and(wanted));
                None
            }
        }
    }

    /// As [`Negotiation::want`], but does not wait for the answer to the offer before, which may
    /// never come: a new offer takes its place.
    pub fn insist(&mut self, wanted: Wanted) -> Option<Wanted> {
        if let State::Pending(before) = self.state {
            self.state = State::Stable;
            return self.want(before.repeated().and(wanted));
        }
        self.want(wanted)
    }

    /// The browser made the offer.
    pub fn offered(&mut self) {
        if let State::Making(wanted) = self.state {
            self.id += 1;
            self.state = State::Pending(wanted);
        }
    }

    /// Whether this answers the last offer. Engines that number no offers send 0.
    pub fn answered(&mut self, id: u32) -> bool {
        let answers = matches!(self.state, State::Pending(_)) && (id == 0 || id == self.id);
        if answers {
            self.state = State::Stable;
        }
        answers
    }

    /// What waited for the answer.
    pub fn waiting(&mut self) -> Option<Wanted> {
        let wanted = self.next.take()?;
        self.want(wanted)
    }

    /// The browser could not make the offer or apply the answer.
    pub fn failed(&mut self) -> Option<Wanted> {
        self.state = State::Stable;
        self.waiting()
    }

    /// The socket is back: an offer that has no answer was lost with the old one.
    pub fn resume(&mut self) -> Option<Wanted> {
        match self.state {
            State::Pending(wanted) => self.insist(wanted.repeated()),
            State::Stable | State::Making(_) => self.waiting(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESTART: Wanted = Wanted {
        audios: 0,
        videos: 0,
        ice_restart: true,
    };
    const VIDEOS: Wanted = Wanted {
        audios: 0,
        videos: 2,
        ice_restart: false,
    };

    #[test]
    fn one_offer_at_a_time() {
        let mut negotiation = Negotiation::default();
        assert_eq!(negotiation.want(VIDEOS), Some(VIDEOS));
        assert_eq!(negotiation.want(RESTART), None);
        negotiation.offered();
        assert!(!negotiation.answered(1), "an answer to an older offer");
        assert!(negotiation.answered(2));
        assert_eq!(negotiation.waiting(), Some(RESTART));
        assert_eq!(negotiation.waiting(), None);
    }

    #[test]
    fn a_lost_offer_is_made_again_without_adding_its_sections_twice() {
        let mut negotiation = Negotiation::default();
        negotiation.want(VIDEOS);
        negotiation.offered();
        assert_eq!(negotiation.resume(), Some(Wanted::default()));
        assert_eq!(negotiation.resume(), None, "it is being made");
    }

    #[test]
    fn a_restart_does_not_wait_for_an_answer_that_never_comes() {
        let mut negotiation = Negotiation::default();
        negotiation.want(RESTART);
        negotiation.offered();
        assert_eq!(negotiation.insist(RESTART), Some(RESTART));
        negotiation.offered();
        assert!(!negotiation.answered(2));
        assert!(negotiation.answered(3));
    }
}
