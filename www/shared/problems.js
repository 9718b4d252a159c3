/** What went wrong and what is known about it, for the info panel: newest first, bounded. */
const KEPT = 50;

export class Problems extends EventTarget {
  constructor() {
    super();
    this.entries = [];
  }

  /** `error` may be anything that was thrown; its numbers are kept. */
  add(text, error) {
    const numbers = error?.code !== undefined ? ` [${error.code}/${error.subCode ?? 0}]` : '';
    const cause = error?.message && !text.includes(error.message) ? `: ${error.message}` : '';
    this.entries.unshift({ at: new Date(), text: `${text}${cause}${numbers}` });
    this.entries.length = Math.min(this.entries.length, KEPT);
    this.dispatchEvent(new Event('change'));
  }
}
