import type { Environment } from '@marcbachmann/cel-js'
import { described } from './described.ts'

type Numeric = number | bigint

/**
 * JSON knows one kind of number and CEL has two that do not mix. Here they do: `data.a + 1` and `data.age > 18` work,
 * and what mixes is a double.
 */
export function registerNumbers(env: Environment): void {
  const arithmetic: Record<string, (left: number, right: number) => number> = {
    '+': (left, right) => left + right,
    '-': (left, right) => left - right,
    '*': (left, right) => left * right,
    '/': (left, right) => left / right,
    '%': (left, right) => left % right,
  }
  for (const [operator, apply] of Object.entries(arithmetic)) {
    const mixed = (left: Numeric, right: Numeric) => apply(Number(left), Number(right))
    env.registerOperator(`int ${operator} double: double`, mixed)
    env.registerOperator(`double ${operator} int: double`, mixed)
  }
  env.registerOperator('double % double: double', arithmetic['%']!)
  // Loose on purpose: a bigint and a number are equal when they mean the same number.
  // biome-ignore lint/suspicious/noDoubleEquals: see above
  env.registerOperator('int == double: bool', (left: bigint, right: number) => (left as unknown) == right)

  env.registerFunction('round(double): double', Math.round, described('The nearest whole number.'))
  env.registerFunction(
    'round(double, int): double',
    roundTo,
    described('Rounded to so many decimals, by its decimal digits.'),
  )
  env.registerFunction('round(int): int', (value: bigint) => value, described('The number itself.'))
  env.registerFunction(
    'sum(list): double',
    (list: unknown[]) => numbersOf(list, 'sum').reduce((a, b) => a + b, 0),
    described('All numbers of a list together.'),
  )
  env.registerFunction(
    'min(list): double',
    (list: unknown[]) => extreme(list, 'min', (a, b) => a < b),
    described('The smallest number of a list.'),
  )
  env.registerFunction(
    'max(list): double',
    (list: unknown[]) => extreme(list, 'max', (a, b) => a > b),
    described('The largest number of a list.'),
  )
}

/** Through the decimal text, so that 1.005 at 2 digits is not rounded by what binary made of it. */
function roundTo(value: number, digits: bigint): number {
  if (digits < 0n || digits > 15n) throw new Error('round() takes 0 to 15 digits')
  const rounded = Number(`${Math.round(Number(`${value}e${digits}`))}e-${digits}`)
  return Number.isNaN(rounded) ? Number(value.toFixed(Number(digits))) : rounded
}

function numbersOf(list: readonly unknown[], name: string): number[] {
  return list.map(item => {
    if (typeof item !== 'number' && typeof item !== 'bigint') throw new Error(`${name}() takes a list of numbers only`)
    return Number(item)
  })
}

function extreme(list: readonly unknown[], name: string, better: (left: number, right: number) => boolean): number {
  const [first, ...rest] = numbersOf(list, name)
  if (first === undefined) throw new Error(`${name}() of an empty list`)
  return rest.reduce((best, value) => (better(value, best) ? value : best), first)
}
