import { cut, widthOf } from './text.ts'

export interface Column<Row> {
  readonly title: string
  readonly value: (row: Row) => string
  readonly align?: 'left' | 'right'
  /** May be cut where the table is too wide; the widest such column goes first. */
  readonly shrinks?: boolean
  readonly paint?: (text: string, row: Row) => string
}

export interface TableOptions {
  /** Columns of the terminal; undefined cuts nothing. */
  readonly width: number | undefined
  readonly head?: (text: string) => string
  readonly indent?: string
}

const GAP = '  '
const LEAST = 8

/** Lines of an aligned table, head first. A column without any value is left out. */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[], options: TableOptions): string {
  const { head = text => text, indent = '' } = options
  const cells = rows.map(row => columns.map(column => column.value(row)))
  const used = columns.flatMap((_, index) => (cells.some(line => line[index] !== '') ? [index] : []))
  const widths = columns.map((column, index) =>
    Math.max(widthOf(column.title), ...cells.map(line => widthOf(line[index]!))),
  )
  narrow(widths, used, columns, options.width, indent.length)
  const line = (texts: readonly string[], paint: (text: string, index: number) => string) =>
    indent +
    used
      .map((index, place) => {
        const text = cut(texts[index]!, widths[index]!)
        const space = ' '.repeat(widths[index]! - widthOf(text))
        if (columns[index]!.align === 'right') return space + paint(text, index)
        return paint(text, index) + (place === used.length - 1 ? '' : space)
      })
      .join(GAP)
      .trimEnd()
  const titles = columns.map(column => column.title)
  return [
    line(titles, head),
    ...rows.map((row, at) => line(cells[at]!, (text, index) => columns[index]!.paint?.(text, row) ?? text)),
  ].join('\n')
}

/** Takes from the widest columns that allow it until the line fits. */
function narrow<Row>(
  widths: number[],
  used: readonly number[],
  columns: readonly Column<Row>[],
  width: number | undefined,
  indent: number,
): void {
  if (width === undefined) return
  const total = () => indent + used.reduce((sum, index) => sum + widths[index]!, 0) + GAP.length * (used.length - 1)
  while (total() > width) {
    const shrinking = used.filter(index => columns[index]!.shrinks && widths[index]! > LEAST)
    if (shrinking.length === 0) return
    const widest = shrinking.reduce((a, b) => (widths[b]! > widths[a]! ? b : a))
    widths[widest] = widths[widest]! - 1
  }
}
