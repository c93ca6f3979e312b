/** The block editor's document for a markdown text: one paragraph a block. Minimal, but the same for the same text. */
export function blocknoteOf(markdown: string): string {
  const blocks = markdown.split(/\n{2,}/).map((text, number) => ({
    id: `block-${number}`,
    type: 'paragraph',
    props: { textColor: 'default', backgroundColor: 'default', textAlignment: 'left' },
    content: [{ type: 'text', text, styles: {} }],
    children: [],
  }))
  return JSON.stringify(blocks)
}

/** The text of a block editor's document; empty when it cannot be read. */
export function markdownOf(blocknote: string): string {
  try {
    const blocks: unknown = JSON.parse(blocknote)
    return Array.isArray(blocks) ? blocks.map(textOf).join('\n\n') : ''
  } catch {
    return ''
  }
}

function textOf(block: unknown): string {
  if (typeof block !== 'object' || block === null || !('content' in block) || !Array.isArray(block.content)) return ''
  return block.content.map((part: { text?: unknown }) => (typeof part?.text === 'string' ? part.text : '')).join('')
}
