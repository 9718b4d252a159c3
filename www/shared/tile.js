/** One person on the stage: picture or initials, name, muted sign, ring while speaking. */
import { avatar, setAvatar } from './avatar.js';
import { el, icon, setText } from './dom.js';
import { VideoBox } from './video-box.js';

export class Tile {
  constructor(sdk, { id, self = false, failed }) {
    this.failed = failed;
    this.box = new VideoBox(sdk, { mirrored: self });
    this.face = avatar('');
    this.label = el('span', { class: 'label' });
    this.mutedSign = icon('mic-off');
    this.mutedText = el('span', { class: 'only-read' }, 'muted');
    this.paused = el('span', { class: 'paused', hidden: true, title: 'The picture is paused' }, icon('wifi'), el('span', { class: 'only-read' }, 'picture paused'));
    this.element = el('article', { class: self ? 'tile self' : 'tile', 'data-person': id },
      this.face, this.box.element, this.paused,
      el('div', { class: 'name' }, this.mutedSign, this.label, this.mutedText));
  }

  show({ name, muted, speaking, stream, receiving = true }) {
    setText(this.label, name);
    if (this.named !== name) setAvatar(this.face, name);
    this.named = name;
    this.mutedSign.toggleAttribute('hidden', !muted);
    this.mutedText.hidden = !muted;
    this.element.classList.toggle('speaking', speaking);
    this.element.classList.toggle('muted', muted);
    this.paused.hidden = !stream || receiving;
    this.box.show(stream).catch((error) => this.failed(name, error));
  }

  dispose() {
    this.box.clear();
    this.element.remove();
  }
}
