// Of many measurements.

export function quantile(numbers, part) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = (sorted.length - 1) * part;
  return sorted[Math.floor(at)] + (sorted[Math.ceil(at)] - sorted[Math.floor(at)]) * (at % 1);
}

/** Median, and the quarters around it. */
export const quarters = (numbers) => [0.5, 0.25, 0.75].map((part) => quantile(numbers, part));
