/**
 * How large an element is rendered, in device pixels, and whether anybody can see it: what nobody sees
 * is not worth receiving. One observer of each kind for all elements.
 */
interface Watched {
  told(width: number, height: number): void;
  width: number;
  height: number;
  _inSight: boolean;
}

const watched = new Map<Element, Watched>();
let sizes: ResizeObserver | undefined;
let sights: IntersectionObserver | undefined;

/** Tells size and sight of `element`, now and with every change, until the returned function is called. */
export function watchRendered(element: Element, told: Watched['told']): () => void {
  // Without them (no browser is that old, but a test's page may be) everything counts as seen.
  if (typeof ResizeObserver === 'undefined' || typeof IntersectionObserver === 'undefined') return () => {};
  sizes ??= new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries) change(target, { width: contentRect.width, height: contentRect.height });
  });
  sights ??= new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) change(target, { _inSight: isIntersecting });
  });
  if (watched.size === 0) document.addEventListener('visibilitychange', tellAll);
  watched.set(element, { told, width: 0, height: 0, _inSight: false });
  sizes.observe(element);
  sights.observe(element);
  return () => {
    sizes?.unobserve(element);
    sights?.unobserve(element);
    if (watched.delete(element) && watched.size === 0) document.removeEventListener('visibilitychange', tellAll);
  };
}

function change(element: Element, now: Partial<Watched>): void {
  const one = watched.get(element);
  if (one) tell(element, Object.assign(one, now));
}

function tellAll(): void {
  for (const [element, one] of watched) tell(element, one);
}

function tell(element: Element, one: Watched): void {
  // A picture in picture is seen while its page is not.
  const floats = element.contains(document.pictureInPictureElement ?? null);
  const seen = floats || (one._inSight && document.visibilityState === 'visible');
  const scale = seen ? window.devicePixelRatio : 0;
  one.told(Math.ceil(one.width * scale), Math.ceil(one.height * scale));
}
