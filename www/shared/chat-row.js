/** The rows of a chat: what people wrote, and quiet lines about who came and went. */
import { avatar } from './avatar.js';
import { htmlNodes, textNodes } from './chat-html.js';
import { el, icon, setText } from './dom.js';

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });

export function timeText(at) {
  return (at.toDateString() === new Date().toDateString() ? clock : day).format(at);
}

function timeOf(at) {
  return el('time', { datetime: at.toISOString(), title: at.toLocaleString() }, timeText(at));
}

/** A row of what the service writes itself. */
export class EventRow {
  constructor(view) {
    this.element = el('li', { class: 'event', 'data-id': view.id });
    this.show(view);
  }

  show({ words, at }) {
    if (this.words === words) return;
    this.words = words;
    this.element.replaceChildren(el('span', { dir: 'auto' }, words), ' · ', timeOf(at));
  }
}

function actionButton(name, iconName, label, act) {
  return el('button', { class: `icon-button ${name}`, type: 'button', 'aria-label': label, title: label, onclick: act }, icon(iconName));
}

/**
 * A message. `view`: `{id, kind, text, version, mine, name, at, edited, grouped, state, readers}`; `state` is
 * that of a draft. `acts`: `{edit, remove, again, discard}`, of which those are shown that are possible.
 */
export class MessageRow {
  constructor(view, acts) {
    this.acts = acts;
    this.author = el('span', { class: 'author', dir: 'auto' });
    this.edited = el('span', { class: 'edited', hidden: true }, 'edited');
    this.face = avatar(view.name);
    this.meta = el('p', { class: 'meta' }, this.author, timeOf(view.at), this.edited);
    this.bubble = el('div', { class: 'bubble', dir: 'auto' });
    this.actions = el('div', { class: 'actions' });
    this.state = el('div', { class: 'state', hidden: true });
    this.seen = el('p', { class: 'seen', hidden: true });
    this.element = el('li', { class: view.mine ? 'message mine' : 'message', 'data-id': view.id }, view.mine ? null : this.face,
      el('div', { class: 'written' }, this.meta, el('div', { class: 'line' }, this.bubble, this.actions), this.state, this.seen));
    this.show(view);
  }

  show(view) {
    const { kind, text, name, edited, grouped } = view;
    this.element.classList.toggle('grouped', grouped);
    setText(this.author, name);
    this.edited.hidden = !edited || kind === 'deleted';
    const content = `${kind} ${text}`;
    if (this.content !== content) {
      this.content = content;
      this.element.classList.toggle('deleted', kind === 'deleted');
      this.bubble.classList.toggle('html', kind === 'html');
      this.bubble.replaceChildren(...(kind === 'deleted' ? ['This message was deleted.'] : kind === 'html' ? htmlNodes(text) : textNodes(text)));
    }
    this.showState(view);
    setText(this.seen, view.readers);
    this.seen.hidden = !view.readers;
  }

  showState({ state, mine, kind, text }) {
    const name = state?.name ?? (mine && kind !== 'deleted' ? `own ${kind}` : 'none');
    const key = `${name} ${state?.reason ?? ''}`;
    if (this.stateKey === key) return;
    this.stateKey = key;
    const { edit, remove, again, discard } = this.acts;
    const focused = this.actions.contains(document.activeElement) || this.state.contains(document.activeElement);
    this.element.classList.toggle('sending', name === 'sending');
    this.element.classList.toggle('failed', name === 'failed');
    const about = text.length > 40 ? `${text.slice(0, 40)}…` : text;
    this.actions.replaceChildren(...(name.startsWith('own ') ? [
      kind === 'text' && actionButton('edit', 'pencil', `Edit “${about}”`, edit), actionButton('delete', 'bin', `Delete “${about}”`, remove),
    ].filter(Boolean) : []));
    this.state.hidden = name !== 'sending' && name !== 'failed';
    this.state.replaceChildren(...(name === 'failed' ? [
      el('p', { role: 'alert' }, `Not sent. ${state.reason}`),
      el('div', { class: 'row' },
        el('button', { class: 'button compact again', type: 'button', onclick: again }, 'Try again'),
        el('button', { class: 'button compact plain discard', type: 'button', onclick: discard }, 'Discard')),
    ] : name === 'sending' ? ['Sending…'] : []));
    if (focused) this.acts.lost();
  }
}
