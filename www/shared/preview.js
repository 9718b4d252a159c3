/** The own picture with its two switches and the device pickers, for before a call. */
import { avatar, setAvatar } from './avatar.js';
import { el, icon, setIcon, setText } from './dom.js';
import { Listeners } from './listeners.js';
import { VideoBox } from './video-box.js';

function mediaSwitch(label, act) {
  const picture = icon('mic');
  const button = el('button', { class: 'switch', type: 'button', 'aria-label': label, 'aria-pressed': 'true', onclick: act }, picture);
  return { button, picture };
}

function picker(id, label, iconName, choose) {
  const select = el('select', { id, onchange: () => choose(select.value) });
  const field = el('div', { class: 'field', hidden: true }, el('label', { for: id }, icon(iconName), label), select);
  return { field, select };
}

/** Fills a select without losing the choice; hidden when there is nothing to choose from. */
function fill({ field, select }, devices, chosen, fallback) {
  const names = devices.map((device, at) => `${device.id}\n${device.name || `${fallback} ${at + 1}`}`);
  if (names.join() !== select.dataset.names) {
    select.dataset.names = names.join();
    select.replaceChildren(...names.map((entry) => {
      const [value, name] = entry.split('\n');
      return el('option', { value }, name);
    }));
  }
  if (chosen) select.value = chosen.id;
  field.hidden = devices.length === 0;
}

export class Preview {
  constructor(sdk, media) {
    this.media = media;
    this.listeners = new Listeners();
    this.name = '';
    this.box = new VideoBox(sdk, { mirrored: true });
    this.face = avatar('');
    this.offText = el('p', { class: 'small' }, 'Starting…');
    this.microphone = mediaSwitch('Microphone', () => media.setMuted(!media.muted));
    this.microphone.button.classList.add('microphone');
    this.camera = mediaSwitch('Camera', () => media.setCamera(!media.cameraOn));
    this.camera.button.classList.add('camera');
    this.cameras = picker('camera-choice', 'Camera', 'camera', (id) => media.selectCamera(id));
    this.microphones = picker('microphone-choice', 'Microphone', 'mic', (id) => media.selectMicrophone(id));
    this.speakers = picker('speaker-choice', 'Speaker', 'speaker', (id) => media.selectSpeaker(id));
    this.notice = el('p', { class: 'small quiet', role: 'status' });
    this.element = el('section', { class: 'preview', 'aria-label': 'Your camera and microphone' },
      el('div', { class: 'picture' },
        el('div', { class: 'off' }, this.face, this.offText),
        this.box.element,
        el('div', { class: 'switches' }, this.microphone.button, this.camera.button)),
      this.notice,
      // On a phone the Join button is to be seen without scrolling.
      el('details', { class: 'devices', open: matchMedia('(min-width: 54rem)').matches },
        el('summary', {}, 'Devices'),
        el('div', { class: 'pickers' }, this.cameras.field, this.microphones.field, this.speakers.field)));
    this.listeners.add(media, 'change', () => this.show());
    this.show();
  }

  setName(name) {
    this.name = name;
    setAvatar(this.face, name);
  }

  show() {
    const { media } = this;
    this.box.show(media.stream).catch((error) => media.cameraFailed(error));
    setText(this.offText, media.cameraOn ? 'Your camera is starting…' : 'Your camera is off');
    this.showSwitch(this.microphone, !media.muted, 'Microphone', 'mic', media.busy.microphone);
    this.showSwitch(this.camera, media.cameraOn, 'Camera', 'camera', media.busy.camera);
    setText(this.notice, media.notice);
    fill(this.cameras, media.cameras, media.camera, 'Camera');
    fill(this.microphones, media.microphones, media.microphone, 'Microphone');
    fill(this.speakers, media.speakers, media.speaker, 'Speaker');
  }

  showSwitch({ button, picture }, on, name, iconName, busy) {
    setIcon(picture, on ? iconName : `${iconName}-off`);
    button.setAttribute('aria-pressed', String(on));
    button.title = on ? `${name} is on` : `${name} is off`;
    button.toggleAttribute('data-busy', busy);
  }

  dispose() {
    this.listeners.dispose();
    this.box.clear();
    this.element.remove();
  }
}
