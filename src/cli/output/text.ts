/** What steers a terminal, or turns the direction of what follows. */
const CONTROL = /[\p{Cc}\p{Bidi_Control}]+/gu
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u
const WITHOUT_WIDTH = /\p{Mn}|\p{Me}|[\u200b-\u200d]/u

/** Text from outside on one line: what it holds cannot steer the terminal. */
export function plain(text: string): string {
  return text.replace(CONTROL, ' ')
}

/** Columns that the text takes on a terminal. */
export function widthOf(text: string): number {
  let width = 0
  for (const character of text) {
    if (WITHOUT_WIDTH.test(character)) continue
    width += WIDE.test(character) ? 2 : 1
  }
  return width
}

/** At most `width` columns; what was cut is marked. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  let kept = ''
  let used = 1
  for (const character of text) {
    used += widthOf(character)
    if (used > width) break
    kept += character
  }
  return `${kept.trimEnd()}…`
}

/** Lines of at most `width` columns, broken between words. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && widthOf(line) + 1 + widthOf(word) > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}

/** `1,204` */
export function count(number: number): string {
  return Math.round(number).toLocaleString('en-US')
}

/** `1 event`, `2 events` */
export function counted(number: number, singular: string, plural = `${singular}s`): string {
  return `${count(number)} ${number === 1 ? singular : plural}`
}

/** `12/s`, `0.4/s` */
export function rate(perSecond: number): string {
  return `${perSecond >= 10 || perSecond < 0.05 ? count(perSecond) : perSecond.toFixed(1)}/s`
}

/** `12.3 MiB` */
export function bytes(size: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const unit = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, size)) / 10))
  const value = size / 1024 ** unit
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`
}

/** For each id the shortest beginning that no other of them has, eight characters at least. */
export function shortIds(ids: readonly string[]): (id: string) => string {
  const sorted = [...new Set(ids)].sort()
  const short = new Map(
    sorted.map((id, at) => {
      const shared = Math.max(sharedBeginning(id, sorted[at - 1]), sharedBeginning(id, sorted[at + 1]))
      return [id, id.slice(0, Math.max(8, shared + 1))]
    }),
  )
  return id => short.get(id) ?? id
}

function sharedBeginning(id: string, other = ''): number {
  let length = 0
  while (length < id.length && id[length] === other[length]) length++
  return length
}
