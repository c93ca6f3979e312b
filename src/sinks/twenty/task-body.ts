import { isFields } from '../../clients/twenty/metadata.ts'

/**
 * Text of a block editor's document, a line a block, with boxes before what can be ticked. Empty when it cannot be read.
 * @see https://www.blocknotejs.org/docs/features/blocks/list-types#check-list-item
 */
export function blocknoteLines(blocknote: string): string {
  try {
    return linesOf(JSON.parse(blocknote)).join('\n')
  } catch {
    return ''
  }
}

function linesOf(blocks: unknown): string[] {
  if (!Array.isArray(blocks)) return []
  return blocks.filter(isFields).flatMap(({ type, props, content, children }) => {
    const isTicked = isFields(props) && props.checked === true
    const box = type === 'checkListItem' ? `- [${isTicked ? 'x' : ' '}] ` : ''
    return [box + textOf(content), ...linesOf(children)]
  })
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content
    .filter(isFields)
    .map(({ text, content: inner }) => (typeof text === 'string' ? text : textOf(inner)))
    .join('')
}
