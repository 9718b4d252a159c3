/** What a screen reader is told: one polite live region; what comes quickly is put together. */
export class Announcer {
  constructor(region) {
    this.region = region;
    this.pending = [];
    this.timer = 0;
  }

  say(text) {
    this.pending.push(text);
    if (this.timer) return;
    this.timer = setTimeout(() => {
      this.timer = 0;
      const words = this.pending.splice(0);
      // Many at once (a class arrives) would drown everything else.
      const spoken = words.length > 4 ? [...words.slice(0, 3), `and ${words.length - 3} more`] : words;
      this.region.textContent = spoken.join('. ');
    }, 150);
  }

  dispose() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.pending.length = 0;
    this.region.textContent = '';
  }
}
