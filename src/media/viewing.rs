//! Which remote pictures are received, and how large: those that the page shows.
//!
//! A picture that no view shows takes no slot from one that is shown, and costs its sender's network
//! nothing. What views show changes often and in heaps (a gallery is paged, a window is resized), so
//! it is told a moment later, at once, and only where it differs. Pure: the times come in.

use super::small_map::SmallMap;
use super::wire as lk;

/// A layout is done by then: views are made one after the other, sizes come with the next frame.
const SETTLE_MS: i64 = 50;
/// How long a picture that nothing shows goes on: an application takes a moment until it has made a
/// view, and frameworks take views down and put them up again.
const LINGER_MS: i64 = 1_000;
/// The largest gallery.
const MOST_SECTIONS: u32 = 49;
/// What a page is expected to show before it has shown anything.
const MOST_AT_FIRST: u32 = 25;
/// Sizes are told in steps, downwards: a layer is chosen by them, and a tile of 185 lines does not need
/// the next larger one.
const STEP: u32 = 16;

/// Device pixels; nothing for a view that has not said.
pub type Pixels = Option<(u32, u32)>;

/// What the engine is told of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Off,
    Shown(Pixels),
}

#[derive(Debug)]
struct Video {
    /// Nothing: the engine sends what it thinks best.
    told: Option<Wish>,
    /// Its sender sends nothing.
    muted: bool,
    shown: Option<Pixels>,
    /// An application has its track and draws it itself: nobody sees how large.
    read: bool,
    /// Until when it is left alone although nothing shows it.
    lingers: i64,
}

/// The remote pictures and what is wanted of them.
#[derive(Debug, Default)]
pub struct Viewing {
    /// Receiving sections for pictures; none where the engine makes one for each track.
    sections: Option<u32>,
    /// What is there already when one comes is not known yet.
    coming: bool,
    /// By sid.
    videos: SmallMap<String, Video>,
    /// All views, also of tracks that are not announced yet.
    views: Vec<(String, Pixels)>,
    /// When the views are to be looked at.
    settles: Option<i64>,
}

impl Viewing {
    /// The engine has receive slots, so many of them for pictures.
    pub fn set_sections(&mut self, sections: Option<u32>) {
        self.sections = sections;
        self.coming = true;
    }

    /// More of them are offered.
    pub fn add_sections(&mut self, more: u32) {
        if let Some(sections) = &mut self.sections {
            *sections += more;
        }
    }

    /// A picture is announced, perhaps not for the first time.
    pub fn published(&mut self, sid: &str, muted: bool, now: i64) {
        if let Some(video) = self.videos.get_mut(sid) {
            if std::mem::replace(&mut video.muted, muted) && !muted {
                // It may lack a section.
                self.settles.get_or_insert(now);
            }
        } else {
            let video = Video {
                told: None,
                muted,
                shown: None,
                read: false,
                lingers: now + LINGER_MS,
            };
            self.videos.insert(sid.to_owned(), video);
            self.place(now);
        }
    }

    /// Whether nothing comes of it before it is announced again.
    pub fn is_muted(&self, sid: &str) -> bool {
        self.videos.get(sid).is_some_and(|video| video.muted)
    }

    /// A picture is gone.
    pub fn unpublished(&mut self, sid: &str) {
        self.videos.remove(sid);
    }

    /// These views there are now, with what they show.
    pub fn show(&mut self, views: Vec<(String, Pixels)>, now: i64) {
        self.views = views;
        self.place(now);
    }

    /// The application reads a track itself, from now on.
    pub fn read(&mut self, sid: &str, now: i64) {
        if let Some(video) = self.videos.get_mut(sid).filter(|video| !video.read) {
            video.read = true;
            self.settles.get_or_insert(now);
        }
    }

    /// The engine may not know what it was told.
    pub fn forget(&mut self, now: i64) {
        for video in self.videos.values_mut() {
            video.told = None;
        }
        self.settles.get_or_insert(now);
    }

    /// Views to their pictures; the largest one counts.
    fn place(&mut self, now: i64) {
        for (sid, video) in self.videos.iter_mut() {
            let views = self.views.iter().filter(|(of, _)| of == sid);
            let shown = views.map(|(_, pixels)| *pixels).reduce(larger);
            if shown == video.shown {
                continue;
            }
            if shown.is_none() {
                video.lingers = now + LINGER_MS;
            }
            video.shown = shown;
            self.settles.get_or_insert(now + SETTLE_MS);
        }
    }

    /// When [`Viewing::tell`] has something to say.
    pub fn due(&self) -> Option<i64> {
        let idle = self
            .videos
            .values()
            .filter(|v| v.idle() && v.told != Some(Wish::Off));
        idle.map(|v| v.lingers).chain(self.settles).min()
    }

    /// What differs from what the engine knows.
    pub fn tell(&mut self, now: i64) -> Vec<lk::UpdateTrackSettings> {
        self.settles = None;
        let wanted = self.wanted();
        let going_on = self
            .videos
            .values()
            .filter(|v| v.idle() && v.told != Some(Wish::Off));
        // Somebody who is looked at does not wait for a slot that nobody looks at.
        let crowded = self
            .sections
            .is_some_and(|most| wanted + going_on.count() as u32 > most);
        let mut messages: Vec<lk::UpdateTrackSettings> = Vec::new();
        for (sid, video) in self.videos.iter_mut() {
            let wish = match video.shown {
                Some(pixels) => Wish::Shown(pixels),
                None if video.read => Wish::Shown(None),
                None if now < video.lingers && !crowded => continue,
                None => Wish::Off,
            };
            if video.told == Some(wish) {
                continue;
            }
            video.told = Some(wish);
            let mut message = settings(wish);
            match messages.iter_mut().find(|other| other.says(&message)) {
                Some(other) => other.track_sids.push(sid.clone()),
                None => {
                    message.track_sids.push(sid.clone());
                    // Slots are freed before they are asked for.
                    let at = if message.disabled { 0 } else { messages.len() };
                    messages.insert(at, message);
                }
            }
        }
        messages
    }

    /// How many sections more than there are the page can fill, once its views are `settled`. Whoever comes
    /// to a full meeting will show much of it; afterwards nobody's coming asks for a section.
    pub fn missing(&mut self, settled: bool) -> u32 {
        let mut wanted = match settled {
            true => self.wanted().min(MOST_SECTIONS),
            false => 0,
        };
        if self.coming && !self.videos.is_empty() {
            self.coming = false;
            let sent = self.videos.values().filter(|video| !video.muted).count() as u32;
            wanted = wanted.max(sent.min(MOST_AT_FIRST));
        }
        wanted.saturating_sub(self.sections.unwrap_or(u32::MAX))
    }

    fn wanted(&self) -> u32 {
        let sent = self.videos.values().filter(|video| !video.muted);
        sent.filter(|video| !video.idle()).count() as u32
    }
}

impl Video {
    fn idle(&self) -> bool {
        self.shown.is_none() && !self.read
    }
}

impl lk::UpdateTrackSettings {
    fn says(&self, other: &Self) -> bool {
        (self.disabled, self.width, self.height) == (other.disabled, other.width, other.height)
    }
}

fn larger(one: Pixels, other: Pixels) -> Pixels {
    let ((w1, h1), (w2, h2)) = (one?, other?);
    Some((w1.max(w2), h1.max(h2)))
}

fn settings(wish: Wish) -> lk::UpdateTrackSettings {
    let (disabled, pixels) = match wish {
        Wish::Off => (true, None),
        Wish::Shown(pixels) => (false, pixels),
    };
    // 0 would be no size.
    let (width, height) = pixels.map_or((0, 0), |(w, h)| (w.max(STEP), h.max(STEP)));
    lk::UpdateTrackSettings {
        disabled,
        // Counts where there is no size.
        quality: lk::VideoQuality::High,
        width: width - width % STEP,
        height: height - height % STEP,
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Views and pictures, and what the engine was told in the end.
    #[derive(Default)]
    struct Page {
        viewing: Viewing,
        now: i64,
    }

    impl Page {
        fn with(sids: &[&str]) -> Self {
            let mut page = Page::default();
            for sid in sids {
                page.viewing.published(sid, false, 0);
            }
            page
        }

        fn show(&mut self, views: &[(&str, u32)]) {
            let views = views
                .iter()
                .map(|(sid, size)| ((*sid).to_owned(), Some((*size, *size))));
            self.viewing.show(views.collect(), self.now);
        }

        /// Lets `ms` pass; everything that is told by then.
        fn pass(&mut self, ms: i64) -> Vec<(String, u32)> {
            let end = self.now + ms;
            let mut told = Vec::new();
            while let Some(due) = self.viewing.due().filter(|due| *due <= end) {
                self.now = due.max(self.now);
                for message in self.viewing.tell(self.now) {
                    let size = if message.disabled {
                        0
                    } else {
                        message.width.max(1)
                    };
                    told.extend(message.track_sids.into_iter().map(|sid| (sid, size)));
                }
            }
            self.now = end;
            told
        }
    }

    fn told(expected: &[(&str, u32)]) -> Vec<(String, u32)> {
        expected
            .iter()
            .map(|(sid, size)| ((*sid).to_owned(), *size))
            .collect()
    }

    #[test]
    fn what_no_view_shows_is_not_received() {
        let mut page = Page::with(&["a", "b"]);
        page.show(&[("a", 320)]);
        assert_eq!(page.pass(SETTLE_MS), told(&[("a", 320)]));
        assert_eq!(page.pass(LINGER_MS), told(&[("b", 0)]));
        assert_eq!(page.pass(60_000), []);
        assert_eq!(page.viewing.due(), None, "no timer without a reason");
    }

    #[test]
    fn a_view_that_comes_at_last_is_received_again() {
        let mut page = Page::with(&["a"]);
        page.pass(2 * LINGER_MS);
        page.show(&[("a", 160)]);
        assert_eq!(page.pass(SETTLE_MS), told(&[("a", 160)]));
    }

    #[test]
    fn a_view_that_is_taken_down_and_put_up_again_changes_nothing() {
        let mut page = Page::with(&["a"]);
        page.show(&[("a", 160)]);
        page.pass(500);
        page.show(&[]);
        assert_eq!(page.pass(LINGER_MS - 1), []);
        page.show(&[("a", 160)]);
        assert_eq!(page.pass(60_000), []);
    }

    #[test]
    fn the_largest_view_counts_and_small_changes_are_not_told() {
        let mut page = Page::with(&["a"]);
        page.show(&[("a", 160), ("a", 650)]);
        assert_eq!(page.pass(SETTLE_MS), told(&[("a", 640)]));
        page.show(&[("a", 160), ("a", 640)]);
        page.pass(SETTLE_MS);
        page.show(&[("a", 160)]);
        assert_eq!(page.pass(SETTLE_MS), told(&[("a", 160)]));
    }

    #[test]
    fn a_resized_window_is_told_once_a_moment() {
        let mut page = Page::with(&["a"]);
        let mut count = 0;
        for width in 100..600 {
            page.show(&[("a", width)]);
            count += page.pass(1).len();
        }
        assert!(count <= 500 / SETTLE_MS as usize, "{count} messages");
    }

    #[test]
    fn pictures_of_the_same_size_share_a_message() {
        let mut page = Page::with(&["a", "b", "c"]);
        page.show(&[("a", 320), ("b", 320)]);
        page.now = LINGER_MS;
        let messages = page.viewing.tell(page.now);
        assert_eq!(messages.len(), 2);
        assert!(messages[0].disabled, "what is freed comes first");
        assert_eq!(messages[1].track_sids, ["a", "b"]);
    }

    #[test]
    fn paging_waits_for_no_slot_that_nobody_looks_at() {
        let mut page = Page::with(&["a", "b", "c", "d"]);
        page.viewing.set_sections(Some(2));
        page.show(&[("a", 160), ("b", 160)]);
        assert_eq!(
            page.pass(SETTLE_MS),
            told(&[("c", 0), ("d", 0), ("a", 160), ("b", 160)])
        );
        page.show(&[("c", 160), ("d", 160)]);
        assert_eq!(
            page.pass(SETTLE_MS),
            told(&[("a", 0), ("b", 0), ("c", 160), ("d", 160)])
        );
    }

    #[test]
    fn a_page_that_shows_more_gets_more_sections_once() {
        let mut page = Page::with(&["a", "b", "c"]);
        page.viewing.set_sections(Some(2));
        page.viewing.missing(true);
        page.show(&[("a", 16), ("b", 16)]);
        assert_eq!(page.viewing.missing(true), 0);
        page.show(&[("a", 16), ("b", 16), ("c", 16)]);
        assert_eq!(page.viewing.missing(true), 1);
        assert_eq!(page.viewing.missing(true), 1, "until it is offered");
        page.viewing.add_sections(1);
        assert_eq!(page.viewing.missing(true), 0);
        page.viewing.set_sections(None);
        assert_eq!(
            page.viewing.missing(true),
            0,
            "an engine without slots says itself"
        );
    }

    #[test]
    fn who_comes_to_many_pictures_has_sections_for_those_that_are_sent() {
        let mut page = Page::default();
        page.viewing.set_sections(Some(2));
        assert_eq!(page.viewing.missing(true), 0);
        for (sid, muted) in [("a", false), ("b", true), ("c", false), ("d", false)] {
            page.viewing.published(sid, muted, 0);
        }
        assert!(page.viewing.is_muted("b") && !page.viewing.is_muted("c"));
        assert_eq!(page.viewing.missing(false), 1);
        page.viewing.add_sections(1);
        page.viewing.published("e", false, 0);
        assert_eq!(page.viewing.missing(true), 0, "others come");
        page.show(&[("a", 16), ("b", 16), ("c", 16), ("d", 16)]);
        assert_eq!(page.viewing.missing(true), 0);
        page.pass(SETTLE_MS);
        assert_eq!(page.viewing.due(), None);
        page.viewing.published("b", false, page.now);
        assert!(!page.viewing.is_muted("b"));
        assert_eq!(page.viewing.due(), Some(page.now));
        assert_eq!(page.viewing.missing(true), 1);
    }

    #[test]
    fn what_the_application_reads_is_received_whole_without_a_view() {
        let mut page = Page::with(&["a"]);
        page.viewing.read("a", 0);
        assert_eq!(page.pass(60_000), told(&[("a", 1)]));
        page.viewing.published("a", false, page.now);
        assert_eq!(page.pass(60_000), []);
    }

    #[test]
    fn another_engine_is_told_everything_again() {
        let mut page = Page::with(&["a", "b"]);
        page.show(&[("a", 160)]);
        page.pass(2 * LINGER_MS);
        page.viewing.forget(page.now);
        assert_eq!(page.pass(0), told(&[("b", 0), ("a", 160)]));
    }

    #[test]
    fn after_a_move_the_old_pictures_are_forgotten() {
        let mut page = Page::with(&["a"]);
        page.show(&[("a", 160)]);
        page.pass(2 * LINGER_MS);
        page.viewing.unpublished("a");
        page.viewing.published("b", false, page.now);
        assert_eq!(page.pass(2 * LINGER_MS), told(&[("b", 0)]));
    }
}
