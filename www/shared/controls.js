/** The control bar of a meeting. */
import { el, icon, setIcon, setText } from './dom.js';
import { Listeners } from './listeners.js';

/** More than so many are many. */
const MOST_COUNTED = 99;

function control(name, iconName, words, act) {
  const picture = icon(iconName);
  const text = el('span', { class: 'words' }, words);
  const button = el('button', { class: `control ${name}`, type: 'button', onclick: act }, picture, text);
  return { button, picture, text };
}

export class Controls {
  /** `actions`: `{share, hand, react, people, chat, rooms?, info, leave, endForAll?}`; `react` is an element. */
  constructor(media, actions) {
    this.media = media;
    this.listeners = new Listeners();
    this.microphone = control('microphone', 'mic', 'Mute', () => media.setMuted(!media.muted));
    this.camera = control('camera', 'camera', 'Camera off', () => media.setCamera(!media.cameraOn));
    this.share = control('share', 'screen', 'Share screen', actions.share);
    // Phones have none.
    this.share.button.hidden = !navigator.mediaDevices?.getDisplayMedia;
    this.hand = control('raise-hand', 'hand', 'Raise hand', actions.hand);
    this.people = control('people', 'people', 'People', actions.people);
    this.chat = control('chat', 'chat', 'Chat', actions.chat);
    this.info = control('info', 'info', 'Info', actions.info);
    this.leave = control('leave', 'leave', 'Leave', actions.leave);
    this.badge = el('span', { class: 'badge', hidden: true });
    this.people.button.append(this.badge);
    this.people.button.setAttribute('aria-expanded', 'false');
    this.news = el('span', { class: 'badge', hidden: true });
    this.chat.button.append(this.news);
    this.chat.button.setAttribute('aria-expanded', 'false');
    this.info.button.setAttribute('aria-expanded', 'false');
    const buttons = [this.microphone, this.camera, this.share, this.hand, { button: actions.react }, this.people, this.chat, this.info, this.leave];
    if (actions.rooms) {
      this.rooms = control('rooms', 'rooms', 'Rooms', actions.rooms);
      this.rooms.button.title = 'Breakout rooms';
      this.rooms.button.setAttribute('aria-expanded', 'false');
      buttons.splice(7, 0, this.rooms);
    }
    if (actions.endForAll) {
      this.endForAll = control('end-all', 'end-all', 'End for everyone', actions.endForAll);
      buttons.push(this.endForAll);
    }
    this.element = el('div', { class: 'controls', role: 'group', 'aria-label': 'Meeting controls' }, buttons.map(({ button }) => button));
    this.listeners.add(media, 'change', () => this.show());
    this.show();
  }

  show() {
    const { media } = this;
    this.showMedia(this.microphone, !media.muted, 'mic', media.muted ? 'Unmute' : 'Mute', media.busy.microphone);
    const words = media.sharing ? 'Stop sharing' : 'Share screen';
    setText(this.share.text, words);
    this.share.button.title = words;
    this.share.button.classList.toggle('open', media.sharing);
    this.share.button.disabled = !media.mayShare;
    this.share.button.toggleAttribute('data-busy', media.busy.screen);
    this.showMedia(this.camera, media.cameraOn, 'camera', media.cameraOn ? 'Camera off' : 'Camera on', media.busy.camera);
  }

  showMedia({ button, picture, text }, on, iconName, words, busy) {
    setIcon(picture, on ? iconName : `${iconName}-off`);
    setText(text, words);
    button.title = words;
    button.classList.toggle('off', !on);
    button.toggleAttribute('data-busy', busy);
  }

  /** Whether one may raise a hand, and has. */
  showHand(may, raised) {
    const words = raised ? 'Lower hand' : 'Raise hand';
    setText(this.hand.text, words);
    this.hand.button.title = words;
    this.hand.button.hidden = !may;
    this.hand.button.classList.toggle('open', raised);
  }

  /** Which panel is open: `people`, `chat`, `rooms`, `info` or none. */
  showPanel(name) {
    for (const panel of ['people', 'chat', 'rooms', 'info']) {
      if (!this[panel]) continue;
      this[panel].button.setAttribute('aria-expanded', String(panel === name));
      this[panel].button.classList.toggle('open', panel === name);
    }
  }

  showCount(people, waiting) {
    setText(this.people.text, `People (${people})`);
    this.people.button.title = waiting > 0 ? `People: ${people}, waiting: ${waiting}` : `People: ${people}`;
    setText(this.badge, waiting > 0 ? String(waiting) : '');
    this.badge.hidden = waiting === 0;
  }

  /** How many messages have not been seen. */
  showUnread(count) {
    this.chat.button.title = count > 0 ? `Chat: ${count} new` : 'Chat';
    this.news.replaceChildren(...(count > 0 ? [count > MOST_COUNTED ? `${MOST_COUNTED}+` : String(count), el('span', { class: 'only-read' }, ' new')] : []));
    this.news.hidden = count === 0;
  }

  dispose() {
    this.listeners.dispose();
    this.element.remove();
  }
}
