/**
 * The tiles of everybody, laid out for the room there is. With one other person the own picture
 * floats; when there are more people than faces can be shown, those who speak are shown.
 */
import { el } from './dom.js';
import { capacity, tileSize } from './layout.js';
import { Listeners } from './listeners.js';
import { Tile } from './tile.js';

const GAP = 8;
const SELF = 'self';

export class Stage {
  constructor({ sdk, people, media, selfName, problems, showPeople }) {
    this.sdk = sdk;
    this.media = media;
    this.selfName = selfName;
    this.problems = problems;
    this.listeners = new Listeners();
    this.tiles = new Map();
    this.shown = [];
    this.spoke = new Map();
    this.frame = 0;
    this.more = el('button', { class: 'tile more', type: 'button', onclick: showPeople });
    this.element = el('section', { class: 'stage', 'aria-label': 'People in the meeting' });
    this.selfTile = new Tile(sdk, { id: SELF, self: true, failed: (_, error) => media.cameraFailed(error) });
    const observer = new ResizeObserver(() => this.schedule());
    observer.observe(this.element);
    this.listeners.own(() => observer.disconnect());
    this.follow(people);
    this.listeners.add(media, 'change', () => this.showSelf());
    this.showSelf();
  }

  /** Whom it shows from now on; nobody of before stays (E15). */
  follow(people) {
    this.people = people;
    this.place([]);
    this.spoke.clear();
    for (const event of ['joined', 'left', 'changed']) people.addEventListener(event, ({ detail }) => this.update(people, detail));
    this.schedule();
  }

  showSelf() {
    this.selfTile.show({ name: `${this.selfName} (you)`, muted: this.media.muted, speaking: false, stream: this.media.stream });
  }

  update(people, person) {
    if (people !== this.people) return;
    if (person.speaking) this.spoke.set(person.id, performance.now());
    if (!person.present) this.spoke.delete(person.id);
    this.tiles.get(person.id)?.show(person);
    this.schedule();
  }

  schedule() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.arrange();
    });
  }

  arrange() {
    const { clientWidth: width, clientHeight: height } = this.element;
    if (width === 0 || height === 0) return;
    const everybody = this.people.list;
    const solo = everybody.length === 1;
    // One place is the own tile's, and one may be the "and others" tile's.
    const places = capacity(width, height) - 1;
    const chosen = everybody.length <= places ? everybody : this.choose(everybody, places - 1);
    this.place(chosen);
    const hidden = everybody.length - chosen.length;
    this.more.textContent = `+${hidden} more`;
    const tiles = chosen.map(({ id }) => this.tiles.get(id).element);
    const wanted = [...tiles, ...(hidden > 0 ? [this.more] : []), this.selfTile.element];
    const present = [...this.element.children];
    // Moving a playing video in the document would make it blink: only what is wrong is moved.
    if (wanted.length !== present.length || wanted.some((element, at) => element !== present[at])) {
      present.filter((element) => !wanted.includes(element)).forEach((element) => element.remove());
      wanted.forEach((element, at) => {
        if (this.element.children[at] !== element) this.element.insertBefore(element, this.element.children[at] ?? null);
      });
    }
    this.element.classList.toggle('solo', solo);
    const size = tileSize(solo ? 1 : wanted.length, width, height, GAP);
    this.element.style.setProperty('--tile-width', `${size.width}px`);
    this.element.style.setProperty('--tile-height', `${size.height}px`);
    this.element.dataset.count = String(everybody.length + 1);
  }

  /** Who keeps a place: those on stage stay, unless somebody else speaks. */
  choose(everybody, places) {
    const kept = this.shown.filter((id) => everybody.some((person) => person.id === id));
    const order = new Map(kept.map((id, at) => [id, at]));
    const rank = (person) => [person.speaking ? 0 : 1, person.screen ? 0 : 1,
      -(this.spoke.get(person.id) ?? 0), order.get(person.id) ?? Infinity];
    const chosen = new Set([...everybody].sort((left, right) => {
      const [a, b] = [rank(left), rank(right)];
      const at = a.findIndex((value, index) => value !== b[index]);
      return at < 0 ? 0 : a[at] < b[at] ? -1 : 1;
    }).slice(0, places));
    // Stable places: those who stay keep theirs, new ones come behind.
    return [...chosen].sort((a, b) => (order.get(a.id) ?? Infinity) - (order.get(b.id) ?? Infinity) || 0);
  }

  /** Makes the tiles of those chosen and drops the others, with their views. */
  place(chosen) {
    this.shown = chosen.map(({ id }) => id);
    const wanted = new Set(this.shown);
    for (const [id, tile] of this.tiles) {
      if (wanted.has(id)) continue;
      tile.dispose();
      this.tiles.delete(id);
    }
    for (const person of chosen) {
      if (this.tiles.has(person.id)) continue;
      const tile = new Tile(this.sdk, { id: person.id, failed: (name, error) => this.problems.add(`The picture of ${name} cannot be shown`, error) });
      this.tiles.set(person.id, tile);
      tile.show(person);
    }
  }

  dispose() {
    cancelAnimationFrame(this.frame);
    this.listeners.dispose();
    this.tiles.forEach((tile) => tile.dispose());
    this.tiles.clear();
    this.selfTile.dispose();
    this.element.remove();
  }
}
