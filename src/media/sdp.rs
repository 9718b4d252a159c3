//! What is read from the browser's own offers. Nothing is ever changed in them: what is wanted is
//! asked for by the API (`setCodecPreferences`, directions). Only silence has no API, and is read from
//! the answer.

/// The track id in a section's `a=msid` line (RFC 8830): LiveKit's server finds the announced track
/// of a sending section by it, so it is used as the track's cid.
pub fn track_id_of<'a>(sdp: &'a str, mid: &str) -> Option<&'a str> {
    let (mut in_section, mut track) = (false, None);
    for line in sdp.lines() {
        if line.starts_with("m=") {
            if in_section {
                break;
            }
            track = None;
        } else if let Some(value) = line.strip_prefix("a=mid:") {
            in_section = value.trim() == mid;
        } else if let Some(value) = line.strip_prefix("a=msid:") {
            track = value.split_once(' ').map(|(_stream, track)| track.trim());
        }
    }
    track.filter(|track| in_section && !track.is_empty())
}

/// An answer by which the browser sends nothing while nobody speaks (Opus' DTX, RFC 7587): it does so
/// for whoever says that they want it. In all sections alike: a payload type has one format only.
pub fn with_dtx(answer: &str) -> String {
    let mut out = String::new();
    for line in answer.lines() {
        out.push_str(line);
        // Searching in the line would cost 4 KB of wasm; whoever has decided ends it otherwise.
        if line.starts_with("a=fmtp:") && line.ends_with("useinbandfec=1") {
            out.push_str(";usedtx=1");
        }
        out.push_str("\r\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_not_sent_unless_the_engine_has_decided() {
        let answer = "m=audio 9 X 111\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n";
        let dtx = with_dtx(answer);
        assert!(dtx.contains("a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1\r\n"));
        assert_eq!(with_dtx(&dtx), dtx);
        let without = answer.replace("fec=1", "fec=1;usedtx=0");
        assert_eq!(with_dtx(&without), without);
    }

    #[test]
    fn the_track_id_comes_from_the_sections_own_msid() {
        let sdp = "v=0\r\na=msid-semantic: WMS\r\nm=audio 9 X 111\r\na=mid:0\r\na=msid:- aaa\r\nm=video 9 X 96\r\na=mid:1\r\n";
        assert_eq!(track_id_of(sdp, "0"), Some("aaa"));
        assert_eq!(track_id_of(sdp, "1"), None);
        assert_eq!(track_id_of(sdp, "7"), None);
        assert_eq!(track_id_of("", "0"), None);
    }
}
