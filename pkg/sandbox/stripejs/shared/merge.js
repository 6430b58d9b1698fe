/**
 * merge lays what was given over what was typed, at every depth but the card
 * itself, which nobody outside of its frame may set.
 * @param {any} typed @param {any} given @returns {any}
 */
function merge(typed, given) {
  if (given === undefined || given === null) return typed;
  const merged = { ...typed };
  for (const [key, value] of Object.entries(given)) {
    if (key === 'card' && typed.card) continue;
    const both = value && typeof value === 'object' && typed[key] && typeof typed[key] === 'object';
    merged[key] = both ? merge(typed[key], value) : value;
  }
  return merged;
}
