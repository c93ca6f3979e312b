import { styleText } from 'node:util'
import type { Output, Variables } from '../shell.ts'

type Paint = (text: string) => string

/** Colours where they can be seen; the text says everything without them. */
export interface Style {
  readonly bold: Paint
  readonly dim: Paint
  readonly red: Paint
  readonly green: Paint
  readonly yellow: Paint
  readonly cyan: Paint
}

/** @see https://no-color.org */
export function createStyle(output: Output, variables: Variables): Style {
  const paint = (format: Parameters<typeof styleText>[0]): Paint =>
    hasColours(output, variables) ? text => styleText(format, text, { validateStream: false }) : text => text
  return {
    bold: paint('bold'),
    dim: paint('dim'),
    red: paint('red'),
    green: paint('green'),
    yellow: paint('yellow'),
    cyan: paint('cyan'),
  }
}

function hasColours(output: Output, variables: Variables): boolean {
  if (variables.NO_COLOR) return false
  if (variables.FORCE_COLOR) return variables.FORCE_COLOR !== '0'
  return output.isTty && variables.TERM !== 'dumb'
}
