import http from 'node:http'
import https from 'node:https'

/** Sends one delivery and resolves with the receiver's status. Rejects when there was no answer in time. */
export type Send = (url: string, headers: Readonly<Record<string, string>>, body: string) => Promise<number>

export const TIMEOUT_MS = 5_000

/** The real sender: keeps connections open, follows no redirect, gives up after 5 s, never tries again. */
export function httpSender(): { send: Send; close(): void } {
  const agents = { 'http:': new http.Agent({ keepAlive: true }), 'https:': new https.Agent({ keepAlive: true }) }
  const send: Send = (url, headers, body) =>
    new Promise((resolve, reject) => {
      const target = new URL(url)
      const secure = target.protocol === 'https:'
      const request = (secure ? https : http).request(target, {
        method: 'POST',
        agent: secure ? agents['https:'] : agents['http:'],
        headers: { ...headers, 'Content-Length': Buffer.byteLength(body) },
        signal: AbortSignal.timeout(TIMEOUT_MS),
      })
      request.on('response', response => {
        response.on('error', reject)
        response.on('end', () => resolve(response.statusCode ?? 0))
        response.resume()
      })
      request.on('error', reject)
      request.end(body)
    })
  return {
    send,
    close() {
      agents['http:'].destroy()
      agents['https:'].destroy()
    },
  }
}
