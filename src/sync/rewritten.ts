/** Without the answer only this tells what a side made of a value from an edit: case, spaces and punctuation alone differ. */
export function isRewritten(shown: unknown, wrote: unknown): boolean {
  return typeof shown === 'string' && typeof wrote === 'string' && bare(shown) !== '' && bare(shown) === bare(wrote)
}

function bare(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]/gu, '')
}
