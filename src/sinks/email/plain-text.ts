/** What a mail program without HTML shows: the text, with line ends where blocks end, and addresses after their links. */
export function plainTextOf(html: string): string {
  const text = html
    .replace(/<!--[\s\S]*?-->/g, '')
    .replace(/<(head|style|script|title)\b[\s\S]*?<\/\1\s*>/gi, '')
    .replace(/\s+/g, ' ')
    .replace(/<a\b[^>]*?\bhref\s*=\s*(?:"([^"]*)"|'([^']*)')[^>]*>(.*?)<\/a\s*>/gi, linkText)
    .replace(/<li\b[^>]*>/gi, '\n- ')
    .replace(/<(?:br|hr)\b[^>]*>/gi, '\n')
    .replace(/<\/(?:td|th)\s*>/gi, ' ')
    .replace(/<\/?(?:p|h[1-6]|table|ul|ol|blockquote|pre)\b[^>]*>/gi, '\n\n')
    .replace(/<\/?(?:div|tr|section|article|header|footer)\b[^>]*>/gi, '\n')
    .replace(/<[a-z/!][^>]*>/gi, '')
  return decoded(text)
    .replace(/[ \t\u00a0]+/g, ' ')
    .replace(/ ?\n ?/g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()
}

function linkText(_all: string, double: string | undefined, single: string | undefined, inner: string): string {
  const href = double ?? single ?? ''
  const address = href.replace(/^mailto:/i, '')
  return href === '' || inner.includes(address) ? inner : `${inner} (${address})`
}

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' }

function decoded(text: string): string {
  return text.replace(
    /&(?:#(\d{1,7})|#x([\da-f]{1,6})|([a-z]+));/gi,
    (all, decimal?: string, hex?: string, name?: string) => {
      if (name !== undefined) return NAMED[name.toLowerCase()] ?? all
      const point = decimal === undefined ? Number.parseInt(hex!, 16) : Number(decimal)
      return point > 0x1f && point <= 0x10ffff ? String.fromCodePoint(point) : ' '
    },
  )
}
