<?php
/**
 * Speaks to crier over HTTP: signed events to its hook, questions to its API. The token and the
 * secret go no further than here.
 *
 * The address is the administrator's, and usually this machine or the next one, so it is not held to
 * the rules for addresses that strangers give (wp_safe_remote_*); redirects are not followed.
 *
 * @package Crier
 */

defined( 'ABSPATH' ) || exit;

/**
 * What crier answered, in one form: status (0: no answer), json (null: none), error (for people; '':
 * all well), retry_after (seconds; 0: not told).
 */
final class Crier_Client {

	const RETRY_AFTER_MAX = DAY_IN_SECONDS;

	/**
	 * The settings.
	 *
	 * @var Crier_Options
	 */
	private $options;

	/**
	 * Needs the settings.
	 *
	 * @param Crier_Options $options The settings.
	 */
	public function __construct( Crier_Options $options ) {
		$this->options = $options;
	}

	/**
	 * Hands an event to crier, signed as Standard Webhooks says.
	 *
	 * @param string $message_id The same on each attempt.
	 * @param string $body       JSON.
	 * @param int    $timeout    Seconds.
	 */
	public function tell( string $message_id, string $body, int $timeout ): array {
		$at = time();
		return $this->exchange(
			'POST',
			'/hooks/' . rawurlencode( $this->options->get( 'source' ) ),
			array(
				'Content-Type'      => 'application/json; charset=utf-8',
				'webhook-id'        => $message_id,
				'webhook-timestamp' => (string) $at,
				'webhook-signature' => self::signature( $this->options->get( 'secret' ), $message_id, $at, $body ),
			),
			$body,
			$timeout
		);
	}

	/**
	 * Asks the API.
	 *
	 * @param string $path    Begins with a slash.
	 * @param int    $timeout Seconds.
	 */
	public function ask( string $path, int $timeout = 3 ): array {
		$token = $this->options->get( 'token' );
		return $this->exchange( 'GET', $path, '' === $token ? array() : array( 'Authorization' => 'Bearer ' . $token ), null, $timeout );
	}

	/**
	 * The header webhook-signature.
	 *
	 * @param string $secret     As whsec_….
	 * @param string $message_id The header webhook-id.
	 * @param int    $at         The header webhook-timestamp.
	 * @param string $body       The body to the byte.
	 */
	public static function signature( string $secret, string $message_id, int $at, string $body ): string {
		$mac = hash_hmac( 'sha256', "$message_id.$at.$body", Crier_Options::key( $secret ), true );
		return 'v1,' . base64_encode( $mac ); // phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions -- the scheme's form.
	}

	/**
	 * One request and its answer.
	 *
	 * @param string      $method  GET or POST.
	 * @param string      $path    Begins with a slash.
	 * @param array       $headers Ours.
	 * @param string|null $body    What is posted.
	 * @param int         $timeout Seconds.
	 */
	private function exchange( string $method, string $path, array $headers, ?string $body, int $timeout ): array {
		$answer = wp_remote_request(
			$this->options->address( $path ),
			array(
				'method'              => $method,
				'headers'             => $headers + array( 'Accept' => 'application/json' ),
				'body'                => $body,
				'data_format'         => 'body',
				'timeout'             => $timeout,
				'redirection'         => 0,
				'limit_response_size' => 4 * MB_IN_BYTES,
			)
		);
		if ( is_wp_error( $answer ) ) {
			return array(
				'status'      => 0,
				'json'        => null,
				'error'       => $this->no_answer( $answer->get_error_message() ),
				'retry_after' => 0,
			);
		}
		$status = (int) wp_remote_retrieve_response_code( $answer );
		$json   = json_decode( wp_remote_retrieve_body( $answer ), true );
		return array(
			'status'      => $status,
			'json'        => is_array( $json ) ? $json : null,
			'error'       => $status >= 200 && $status < 300 ? '' : $this->explain( $status, $path, is_array( $json ) ? (string) ( $json['detail'] ?? '' ) : '' ),
			'retry_after' => self::retry_after( (string) wp_remote_retrieve_header( $answer, 'retry-after' ) ),
		);
	}

	/**
	 * For people.
	 *
	 * @param string $why What the HTTP library said.
	 */
	private function no_answer( string $why ): string {
		/* translators: 1: address of crier, 2: technical reason. */
		return sprintf( __( 'crier does not answer at %1$s: %2$s', 'crier' ), $this->options->get( 'url' ), $why );
	}

	/**
	 * For people.
	 *
	 * @param int    $status HTTP's.
	 * @param string $path   What was asked.
	 * @param string $detail What crier said.
	 */
	private function explain( int $status, string $path, string $detail ): string {
		$hook = 0 === strpos( $path, '/hooks/' );
		if ( 404 === $status && $hook ) {
			/* translators: %s: name of a source. */
			$text = sprintf( __( 'crier has no source named "%s"', 'crier' ), $this->options->get( 'source' ) );
		} elseif ( 401 === $status && $hook ) {
			$text = __( 'crier refuses the signature: the secret is another one there, or one of the clocks is wrong', 'crier' );
		} elseif ( 401 === $status || 403 === $status ) {
			$text = __( 'crier refuses the API token', 'crier' );
		} elseif ( 429 === $status || 503 === $status ) {
			$text = __( 'crier asks to wait', 'crier' );
		} else {
			/* translators: %d: HTTP status. */
			$text = sprintf( __( 'crier answered with status %d', 'crier' ), $status );
		}
		return '' === $detail ? $text : $text . ' (' . mb_substr( wp_strip_all_tags( $detail ), 0, 200 ) . ')';
	}

	/**
	 * The header Retry-After, in seconds from now: it is a number of them, or a date.
	 *
	 * @param string $text The header; '' when there was none.
	 */
	public static function retry_after( string $text ): int {
		$seconds = ctype_digit( $text ) ? (int) $text : (int) strtotime( $text ) - time();
		return '' === $text ? 0 : max( 0, min( self::RETRY_AFTER_MAX, $seconds ) );
	}
}
