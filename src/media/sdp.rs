//! What is read from the browser's own offers. Nothing is ever changed in them: what is wanted is
//! asked for by the API (`setCodecPreferences`, directions).

/// The track id in a section's `a=msid` line (RFC 8830): LiveKit's server finds the announced track
/// of a sending section by it, so it is used as the track's cid.
pub fn track_id_of<'a>(sdp: &'a str, mid: &str) -> Option<&'a str> {
    let section = sections(sdp).find(|section| attribute(section, "mid") == Some(mid))?;
    let (_stream, track) = attribute(section, "msid")?.split_once(' ')?;
    Some(track.trim()).filter(|track| !track.is_empty())
}

/// The m-sections, each from its `m=` line on.
fn sections(sdp: &str) -> impl Iterator<Item = &str> {
    let starts: Vec<usize> = sdp.match_indices("\nm=").map(|(at, _)| at + 1).collect();
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([sdp.len()]).collect();
    starts
        .into_iter()
        .zip(ends)
        .map(|(from, to)| &sdp[from..to])
}

fn attribute<'a>(section: &'a str, name: &str) -> Option<&'a str> {
    section
        .lines()
        .find_map(|line| {
            line.strip_prefix("a=")?
                .strip_prefix(name)?
                .strip_prefix(':')
        })
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_track_id_comes_from_the_sections_own_msid() {
        let sdp = "v=0\r\na=msid-semantic: WMS\r\nm=audio 9 X 111\r\na=mid:0\r\na=msid:- aaa\r\nm=video 9 X 96\r\na=mid:1\r\n";
        assert_eq!(track_id_of(sdp, "0"), Some("aaa"));
        assert_eq!(track_id_of(sdp, "1"), None);
        assert_eq!(track_id_of(sdp, "7"), None);
        assert_eq!(track_id_of("", "0"), None);
    }
}
