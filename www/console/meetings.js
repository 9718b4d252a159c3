/** The meetings that were made in this session: when, how to join, and a button to start. */
import { el, icon, setIcon, setText } from '/shared/dom.js';
import { get } from '/shared/requests.js';
import { formError } from '/shared/start.js';

const COPIED_MS = 2500;
const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const time = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });

function when({ startDateTime, endDateTime }) {
  const [begin, finish] = [new Date(startDateTime), new Date(endDateTime)];
  const end = day.format(begin) === day.format(finish) ? time.format(finish) : `${day.format(finish)}, ${time.format(finish)}`;
  return `${day.format(begin)}, ${time.format(begin)} – ${end}`;
}

/** Digits in groups, as people read them aloud. */
const grouped = (digits) => digits.replace(/(\d{3})(?=\d)/g, '$1 ');

async function copy(text, input) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // No permission for the clipboard: the link is selected, so that Ctrl+C takes it.
    input.focus();
    input.select();
    return false;
  }
}

function copyButton(link, input, announce) {
  const label = el('span', {}, 'Copy link');
  const picture = icon('copy');
  let timer = 0;
  return el('button', {
    class: 'button copy', type: 'button',
    onclick: async () => {
      const done = await copy(link, input);
      const words = done ? 'Copied' : 'Press Ctrl+C';
      setText(label, words);
      setIcon(picture, done ? 'check' : 'copy');
      announce.say(done ? 'The link was copied' : 'The link is selected. Press Ctrl and C to copy it');
      clearTimeout(timer);
      timer = setTimeout(() => {
        setText(label, 'Copy link');
        setIcon(picture, 'copy');
      }, COPIED_MS);
    },
  }, picture, label);
}

function card(meeting, open, announce) {
  const { joinWebUrl: link, joinMeetingIdSettings: id } = meeting;
  const input = el('input', { readonly: true, value: link, 'aria-label': `Link of ${meeting.subject}`, onfocus: () => input.select() });
  return el('li', { class: 'card meeting-card', 'data-meeting': meeting.id },
    el('div', { class: 'head' },
      el('div', {}, el('h3', {}, meeting.subject), el('p', { class: 'quiet small' }, when(meeting))),
      el('button', { class: 'button primary start', type: 'button', 'aria-label': `Start ${meeting.subject}`, onclick: () => open(meeting) }, icon('camera'), 'Start')),
    el('div', { class: 'link-row' }, input, copyButton(link, input, announce)),
    el('dl', { class: 'small' },
      el('dt', {}, 'Meeting id'), el('dd', { class: 'code meeting-id' }, grouped(id?.joinMeetingId ?? '')),
      id?.passcode ? [el('dt', {}, 'Passcode'), el('dd', { class: 'code passcode' }, id.passcode)] : [],
      el('dt', {}, 'Lobby'), el('dd', {}, meeting.lobbyBypassSettings?.scope === 'everyone' ? 'Nobody waits' : 'Guests wait to be let in')));
}

export class MeetingList {
  constructor({ open, announce, accessToken }) {
    this.open = open;
    this.announce = announce;
    this.accessToken = accessToken;
    this.list = el('ul', { class: 'stack' });
    this.empty = el('div', { class: 'empty' }, icon('calendar'),
      el('p', {}, 'No meetings yet.'), el('p', { class: 'small' }, 'Schedule one and send its link to your guests.'));
    this.element = el('section', { class: 'stack', 'aria-labelledby': 'meetings-title' },
      el('h2', { id: 'meetings-title' }, 'Your meetings'), this.empty, this.list, this.others());
  }

  /** Somebody else's meeting, for co-organisers, managers of its rooms and who else is invited. */
  others() {
    const input = el('input', { id: 'other-link', type: 'url', required: true, autocomplete: 'off', placeholder: 'https://…' });
    const error = el('p', { class: 'form-error', role: 'alert', hidden: true });
    const add = async (event) => {
      event.preventDefault();
      formError(error, '');
      try {
        const filter = `JoinWebUrl eq '${input.value.trim().replaceAll("'", "''")}'`;
        const { value: [meeting] } = await get(`/v1.0/me/onlineMeetings?$filter=${encodeURIComponent(filter)}`, await this.accessToken());
        if (!meeting) throw new Error('You are not invited to a meeting with this link. You can still join it as a guest does: open the link.');
        input.value = '';
        this.add(meeting, 'is in your list');
      } catch (failure) {
        formError(error, failure.message);
      }
    };
    return el('form', { class: 'field other-meeting', onsubmit: add }, el('label', { for: 'other-link' }, 'Link of a meeting that you were invited to'), error,
      el('div', { class: 'link-row' }, input, el('button', { class: 'button add-other', type: 'submit' }, 'Add')));
  }

  add(meeting, what = 'was scheduled') {
    this.empty.hidden = true;
    this.list.prepend(card(meeting, this.open, this.announce));
    this.announce.say(`${meeting.subject} ${what}`);
    this.list.querySelector('.copy').focus();
  }
}
