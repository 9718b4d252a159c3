/**
 * A place that shows at most one stream. `createView` is asynchronous and streams come and go
 * quickly: whatever arrives late for a stream that is no longer wanted is thrown away.
 */
import { el } from './dom.js';

export class VideoBox {
  constructor(sdk, { mirrored = false, scalingMode = 'Crop' } = {}) {
    this.sdk = sdk;
    this.options = { isMirrored: mirrored, scalingMode };
    this.element = el('div', { class: 'video-box', hidden: true });
    this.stream = null;
    this.renderer = null;
  }

  /** Shows a stream, or nothing. Rejects when it cannot be shown (a camera that does not open). */
  async show(stream) {
    if (stream === this.stream) return;
    this.clear();
    this.stream = stream;
    if (!stream) return;
    const renderer = new this.sdk.VideoStreamRenderer(stream);
    this.renderer = renderer;
    try {
      const view = await renderer.createView(this.options);
      if (this.renderer !== renderer) return;
      this.element.replaceChildren(view.target);
      this.element.hidden = false;
    } catch (error) {
      if (this.renderer !== renderer) return;
      this.clear();
      throw error;
    }
  }

  clear() {
    this.stream = null;
    this.renderer?.dispose();
    this.renderer = null;
    this.element.replaceChildren();
    this.element.hidden = true;
  }
}
