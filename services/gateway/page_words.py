"""The words of the pages behind links, in the languages that the templates come in; what a project wrote stays."""

from collections.abc import Callable, Mapping

from markupsafe import Markup, escape

from shared.templates.locales import first_of, locale_of

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "ask": "Unsubscribe?",
        "done": "You are unsubscribed",
        "undone": "You are subscribed again",
        "choose": "What would you like to hear about?",
        "later": "Please try again later",
        "broken": "This link does not work",
        "will_send_no_more": "We will send no more news and offers to {address}.",
        "still_comes": "Messages about what you do with us, such as bookings and payments, still come.",
        "unsubscribe": "Unsubscribe",
        "gets_no_more": "{address} gets no more news and offers from us. What is on its way already may still arrive.",
        "gets_again": "{address} gets our news and offers as before.",
        "mistake": "That was a mistake: subscribe again",
        "saved": "Saved. What is on its way already may still arrive.",
        "ended": "You are unsubscribed from {category}. What is on its way already may still arrive.",
        "ended_all": "You are unsubscribed from news and offers. What is on its way already may still arrive.",
        "undone_of": "You are subscribed again: {category}.",
        "came_from": "The message you came from was about {category}.",
        "unsubscribe_from": "Unsubscribe from {category}",
        "or_choose": "Or choose:",
        "to_address": "Messages to {address}",
        "to_you": "Messages to you, whichever way they come",
        "always": "Always sent.",
        "others": "Other news and offers",
        "others_are": "Whatever is in none of these.",
        "save": "Save",
        "none": "None of these",
    },
    "de": {
        "ask": "Abmelden?",
        "done": "Sie sind abgemeldet",
        "undone": "Sie sind wieder angemeldet",
        "choose": "Was möchten Sie von uns erfahren?",
        "later": "Bitte versuchen Sie es später noch einmal",
        "broken": "Dieser Link funktioniert nicht",
        "will_send_no_more": "Wir senden keine Neuigkeiten und Angebote mehr an {address}.",
        "still_comes": "Nachrichten zu dem, was Sie bei uns tun, etwa zu Buchungen und Zahlungen, kommen weiterhin.",
        "unsubscribe": "Abmelden",
        "gets_no_more": "{address} erhält keine Neuigkeiten und Angebote mehr von uns. Was schon unterwegs ist, kann "
        "noch ankommen.",
        "gets_again": "{address} erhält unsere Neuigkeiten und Angebote wie bisher.",
        "mistake": "Das war ein Versehen: wieder anmelden",
        "saved": "Gespeichert. Was schon unterwegs ist, kann noch ankommen.",
        "ended": "Sie sind abgemeldet: {category}. Was schon unterwegs ist, kann noch ankommen.",
        "ended_all": "Sie sind von Neuigkeiten und Angeboten abgemeldet. Was schon unterwegs ist, kann noch ankommen.",
        "undone_of": "Sie sind wieder angemeldet: {category}.",
        "came_from": "Die Nachricht, aus der Sie kommen, gehört zu: {category}.",
        "unsubscribe_from": "Abmelden: {category}",
        "or_choose": "Oder wählen Sie aus:",
        "to_address": "Nachrichten an {address}",
        "to_you": "Nachrichten an Sie, auf welchem Weg auch immer",
        "always": "Wird immer gesendet.",
        "others": "Andere Neuigkeiten und Angebote",
        "others_are": "Alles, was hier nicht aufgeführt ist.",
        "save": "Speichern",
        "none": "Nichts davon",
    },
    "fr": {
        "ask": "Se désinscrire ?",
        "done": "Vous êtes désinscrit",
        "undone": "Vous êtes de nouveau inscrit",
        "choose": "De quoi souhaitez-vous être informé ?",
        "later": "Veuillez réessayer plus tard",
        "broken": "Ce lien ne fonctionne pas",
        "will_send_no_more": "Nous n’enverrons plus d’actualités ni d’offres à {address}.",
        "still_comes": "Les messages liés à ce que vous faites chez nous, comme les réservations et les paiements, "
        "continuent d’arriver.",
        "unsubscribe": "Se désinscrire",
        "gets_no_more": "{address} ne reçoit plus nos actualités ni nos offres. Ce qui est déjà parti peut encore "
        "arriver.",
        "gets_again": "{address} reçoit nos actualités et nos offres comme avant.",
        "mistake": "C’était une erreur : se réinscrire",
        "saved": "Enregistré. Ce qui est déjà parti peut encore arriver.",
        "ended": "Désinscription enregistrée : {category}. Ce qui est déjà parti peut encore arriver.",
        "ended_all": "Vous ne recevrez plus d’actualités ni d’offres. Ce qui est déjà parti peut encore arriver.",
        "undone_of": "Vous êtes de nouveau inscrit : {category}.",
        "came_from": "Le message d’où vous venez concernait : {category}.",
        "unsubscribe_from": "Se désinscrire : {category}",
        "or_choose": "Ou choisissez :",
        "to_address": "Messages à {address}",
        "to_you": "Messages qui vous sont adressés, quel que soit le moyen",
        "always": "Toujours envoyé.",
        "others": "Autres actualités et offres",
        "others_are": "Tout ce qui n’est pas dans cette liste.",
        "save": "Enregistrer",
        "none": "Rien de tout cela",
    },
    "es": {
        "ask": "¿Darse de baja?",
        "done": "Se ha dado de baja",
        "undone": "Se ha dado de alta de nuevo",
        "choose": "¿Sobre qué desea recibir mensajes?",
        "later": "Inténtelo de nuevo más tarde",
        "broken": "Este enlace no funciona",
        "will_send_no_more": "No enviaremos más novedades ni ofertas a {address}.",
        "still_comes": "Los mensajes sobre lo que hace con nosotros, como reservas y pagos, seguirán llegando.",
        "unsubscribe": "Darse de baja",
        "gets_no_more": "{address} ya no recibe novedades ni ofertas nuestras. Lo que ya está en camino aún puede "
        "llegar.",
        "gets_again": "{address} recibe nuestras novedades y ofertas como antes.",
        "mistake": "Ha sido un error: darse de alta de nuevo",
        "saved": "Guardado. Lo que ya está en camino aún puede llegar.",
        "ended": "Se ha dado de baja: {category}. Lo que ya está en camino aún puede llegar.",
        "ended_all": "Se ha dado de baja de novedades y ofertas. Lo que ya está en camino aún puede llegar.",
        "undone_of": "Se ha dado de alta de nuevo: {category}.",
        "came_from": "El mensaje del que viene trataba de: {category}.",
        "unsubscribe_from": "Darse de baja: {category}",
        "or_choose": "O elija:",
        "to_address": "Mensajes a {address}",
        "to_you": "Mensajes para usted, por cualquier medio",
        "always": "Se envía siempre.",
        "others": "Otras novedades y ofertas",
        "others_are": "Todo lo que no está en esta lista.",
        "save": "Guardar",
        "none": "Nada de esto",
    },
    "pl": {
        "ask": "Wypisać się?",
        "done": "Subskrypcja została anulowana",
        "undone": "Subskrypcja została wznowiona",
        "choose": "O czym mamy informować?",
        "later": "Prosimy spróbować później",
        "broken": "Ten link nie działa",
        "will_send_no_more": "Nie będziemy już wysyłać nowości i ofert na adres {address}.",
        "still_comes": "Wiadomości o rezerwacjach, płatnościach i innych Twoich sprawach nadal będą przychodzić.",
        "unsubscribe": "Wypisz się",
        "gets_no_more": "Na adres {address} nie wysyłamy już nowości i ofert. To, co jest już w drodze, może jeszcze "
        "dotrzeć.",
        "gets_again": "Na adres {address} wysyłamy nowości i oferty jak dotąd.",
        "mistake": "To pomyłka: wznów subskrypcję",
        "saved": "Zapisano. To, co jest już w drodze, może jeszcze dotrzeć.",
        "ended": "Subskrypcja anulowana: {category}. To, co jest już w drodze, może jeszcze dotrzeć.",
        "ended_all": "Nie będziemy już wysyłać nowości i ofert. To, co jest już w drodze, może jeszcze dotrzeć.",
        "undone_of": "Subskrypcja wznowiona: {category}.",
        "came_from": "Wiadomość, z której prowadził link, dotyczyła: {category}.",
        "unsubscribe_from": "Wypisz się: {category}",
        "or_choose": "Albo wybierz:",
        "to_address": "Wiadomości na adres {address}",
        "to_you": "Wiadomości do Ciebie, niezależnie od sposobu wysyłki",
        "always": "Wysyłamy zawsze.",
        "others": "Inne nowości i oferty",
        "others_are": "Wszystko, czego nie ma na tej liście.",
        "save": "Zapisz",
        "none": "Nic z tego",
    },
    "ar": {
        "ask": "إلغاء الاشتراك؟",
        "done": "تم إلغاء اشتراكك",
        "undone": "تم تجديد اشتراكك",
        "choose": "ما الذي تود أن تصلك أخباره؟",
        "later": "يُرجى المحاولة لاحقًا",
        "broken": "هذا الرابط لا يعمل",
        "will_send_no_more": "لن نرسل بعد الآن أخبارًا وعروضًا إلى {address}.",
        "still_comes": "ستستمر الرسائل المتعلقة بمعاملاتك معنا، مثل الحجوزات والمدفوعات.",
        "unsubscribe": "إلغاء الاشتراك",
        "gets_no_more": "لن تصل أخبارنا وعروضنا إلى {address} بعد الآن. قد يصل ما هو في الطريق بالفعل.",
        "gets_again": "ستصل أخبارنا وعروضنا إلى {address} كما في السابق.",
        "mistake": "كان ذلك خطأ: تجديد الاشتراك",
        "saved": "تم الحفظ. قد يصل ما هو في الطريق بالفعل.",
        "ended": "تم إلغاء اشتراكك: {category}. قد يصل ما هو في الطريق بالفعل.",
        "ended_all": "تم إلغاء اشتراكك في الأخبار والعروض. قد يصل ما هو في الطريق بالفعل.",
        "undone_of": "تم تجديد اشتراكك: {category}.",
        "came_from": "كانت الرسالة التي أتيت منها عن: {category}.",
        "unsubscribe_from": "إلغاء الاشتراك: {category}",
        "or_choose": "أو اختر:",
        "to_address": "الرسائل إلى {address}",
        "to_you": "الرسائل الموجهة إليك بأي وسيلة",
        "always": "تُرسل دائمًا.",
        "others": "أخبار وعروض أخرى",
        "others_are": "كل ما لا يرد في هذه القائمة.",
        "save": "حفظ",
        "none": "لا شيء من هذا",
    },
}  # fmt: skip


def language_for(*wanted: str | None) -> str:
    """The language of a page, for whoever would like one of `wanted`, the first one first."""
    found = first_of(WORDS, wanted)
    return found[0] if found else "en"


def direction_of(language: str) -> str:
    """`ltr` or `rtl`."""
    locale = locale_of(language)
    return locale.text_direction if locale else "ltr"


def speaker(language: str) -> Callable[..., Markup]:
    """Says words in a language; what is put into them is kept apart from the direction around it."""
    words = WORDS[language]

    def say(key: str, **parts: str) -> Markup:
        marked = {name: Markup("<bdi>{}</bdi>").format(value) for name, value in parts.items()}
        return escape(words[key]).format(**marked)

    return say
