/** Options of a function: synchronous, and what the reference page says of it. */
export function described(description: string): { async: false; description: string } {
  return { async: false, description }
}
