/** A name as SQL takes it literally, whatever is in it. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** `public.contacts` and `contacts`; the case is kept. */
export function quoteTable(name: string): string {
  return name.split('.').map(quoteName).join('.')
}

/** A text constant. For printed SQL alone: statements of ours pass values as parameters. */
export function quoteText(text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`
  return text.includes('\\') ? `E${quoted.replaceAll('\\', '\\\\')}` : quoted
}

/** An array in the text form of parameters. https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO */
export function arrayText(elements: readonly ArrayElement[]): string {
  return `{${elements.map(elementText).join(',')}}`
}

export type ArrayElement = string | null | readonly ArrayElement[]

function elementText(element: ArrayElement): string {
  if (element === null) return 'NULL'
  if (typeof element !== 'string') return arrayText(element)
  return `"${element.replaceAll(/["\\]/g, letter => `\\${letter}`)}"`
}
