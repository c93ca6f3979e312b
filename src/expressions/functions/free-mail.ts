/** Providers whose addresses say nothing about the company of their owner. */
const DOMAINS = new Set(
  `126.com 163.com aim.com aol.com arcor.de att.net bellsouth.net bigpond.com bk.ru bluewin.ch bol.com.br btinternet.com
   comcast.net cox.net daum.net duck.com email.com fastmail.com foxmail.com free.fr freenet.de gmail.com gmx.at gmx.ch
   gmx.com gmx.de gmx.net googlemail.com hanmail.net hey.com hushmail.com i.ua icloud.com inbox.ru interia.pl laposte.net
   libero.it list.ru mac.com mail.com mail.ru me.com meta.ua msn.com naver.com neuf.fr o2.pl onet.pl optonline.net
   orange.fr pm.me posteo.de proton.me protonmail.com qq.com rambler.ru rediffmail.com rocketmail.com sbcglobal.net
   seznam.cz sfr.fr shaw.ca sina.com sky.com t-online.de terra.com.br tutanota.com uol.com.br ukr.net verizon.net
   virgilio.it wanadoo.fr web.de wp.pl ya.ru yandex.com yandex.ru yeah.net ymail.com zoho.com`.split(/\s+/),
)

/** These have one domain per country: `yahoo.co.uk`, `hotmail.fr`. */
const BY_COUNTRY = /^(?:yahoo|hotmail|outlook|live)\.[a-z]{2,3}(?:\.[a-z]{2})?$/

const NONE: ReadonlySet<string> = new Set()
/** Of the expression that is evaluated now. */
let others = NONE

/** Said by each evaluation as it begins; none begins within another. @param domains in small letters. */
export function useFreeMail(domains = NONE): void {
  others = domains
}

/** True for an address or a domain of a provider that gives mailboxes to anybody. */
export function isFreeMail(addressOrDomain: string): boolean {
  const domain = addressOrDomain
    .slice(addressOrDomain.lastIndexOf('@') + 1)
    .trim()
    .toLowerCase()
  return DOMAINS.has(domain) || others.has(domain) || BY_COUNTRY.test(domain)
}
