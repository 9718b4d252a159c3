/** Where tiles go: pure arithmetic, no DOM. */

const RATIO = 16 / 9;

/**
 * The largest equal tiles for `count` people in a box. A tile is at most 16:9 wide; how tall it may
 * be depends on the box, so that a phone held upright is used to its full height.
 */
export function tileSize(count, width, height, gap) {
  const tallest = width > height ? 4 / 3 : 4 / 5;
  let best = { columns: 1, width: 0, height: 0 };
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const cellWidth = (width - gap * (columns - 1)) / columns;
    const cellHeight = (height - gap * (rows - 1)) / rows;
    if (cellWidth <= 0 || cellHeight <= 0) continue;
    const tileWidth = Math.min(cellWidth, cellHeight * RATIO);
    const tileHeight = Math.min(cellHeight, tileWidth / tallest);
    if (tileWidth * tileHeight > best.width * best.height) best = { columns, width: tileWidth, height: tileHeight };
  }
  return { columns: best.columns, width: Math.floor(best.width), height: Math.floor(best.height) };
}

/** How many tiles a box can show so that faces are still to be seen. */
export function capacity(width, height) {
  const across = Math.max(1, Math.floor(width / 165));
  const down = Math.max(1, Math.floor(height / 115));
  return Math.max(2, Math.min(25, across * down));
}
