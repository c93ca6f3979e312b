import { expect, it } from 'vitest'
import { nearest } from '../src/nearest.ts'

const fields = ['jobTitle', 'emails', 'phones', 'name', 'companyId']

it.each([
  ['jobTitel', 'jobTitle'],
  ['job_title', 'jobTitle'],
  ['JOBTITLE', 'jobTitle'],
  ['email', 'emails'],
  ['phnoes', 'phones'],
  ['compnayId', 'companyId'],
  ['salary', undefined],
  ['x', undefined],
])('%s suggests %s', (name, expected) => {
  expect(nearest(name, fields)).toBe(expected)
})
