import { getEventListeners } from 'node:events'
import { expect, it } from 'vitest'
import { onAbort } from '../src/on-abort.ts'

it('calls all who wait, and nobody who no longer does', () => {
  const abort = new AbortController()
  const called: string[] = []
  const call = () => called.push('twice')
  onAbort(abort.signal, call)
  onAbort(abort.signal, call)
  const stop = onAbort(abort.signal, () => called.push('stopped'))
  stop()
  abort.abort()
  expect(called).toEqual(['twice', 'twice'])
})

it('keeps one listener however many wait, and none when nobody does', () => {
  const { signal } = new AbortController()
  const stops = Array.from({ length: 100 }, () => onAbort(signal, () => {}))
  expect(getEventListeners(signal, 'abort')).toHaveLength(1)
  for (const stop of stops) stop()
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
})

it('a waiter may stop another while the signal is being aborted', () => {
  const abort = new AbortController()
  const called: string[] = []
  let stop = () => {}
  onAbort(abort.signal, () => {
    called.push('first')
    stop()
  })
  stop = onAbort(abort.signal, () => called.push('second'))
  abort.abort()
  stop()
  expect(called[0]).toBe('first')
})
