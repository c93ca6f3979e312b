import type { Thing } from './account.ts'

/** The page of an invoice, with a button in place of a payment. */
export function invoicePage({ id, shown }: Thing): string {
  const pay = shown.status === 'open' ? `<form method="post" action="/i/${id}/pay"><button>Pay</button></form>` : ''
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Invoice ${text(shown.number)}</title>
<h1>Invoice ${text(shown.number)}</h1>
<p>${text(shown.customer_name)}: ${text(shown.total)} ${text(shown.currency)}, in the smallest unit. It is ${text(shown.status)}.</p>
${pay}</html>
`
}

function text(value: unknown): string {
  return String(value ?? '').replace(/[&<>"']/g, sign => `&#${sign.charCodeAt(0)};`)
}
