// Makes the documents beside this file. Only a person runs it, when the keys of testdata change:
//
//   npm install samlify@2.13.1
//   split keys.pem: the first key is sp.pem, the second idp.pem
//   openssl req -new -x509 -key sp.pem -subj /CN=sp -days 9000 -out sp.crt    and the same for idp
//   node make.js
const saml=require('samlify'),fs=require('fs');
saml.setSchemaValidator({validate:async()=>'ok'});
const cert=n=>fs.readFileSync(n+'.crt','utf8').replace(/-----.*-----|\s/g,'');
function make(name,{encrypt,signMessage,dataEnc}){
  const idp=saml.IdentityProvider({
    entityID:'https://idp.example.com/saml', signingCert:cert('idp'), privateKey:fs.readFileSync('idp.pem'), isAssertionEncrypted:!!encrypt,
    dataEncryptionAlgorithm:dataEnc||'http://www.w3.org/2009/xmlenc11#aes256-gcm', keyEncryptionAlgorithm:'http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p',
    messageSigningOrder:'encrypt-then-sign',
    requestSignatureAlgorithm:'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    nameIDFormat:['urn:oasis:names:tc:SAML:2.0:nameid-format:persistent'],
    singleSignOnService:[{Binding:'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect',Location:'https://idp.example.com/sso'}],
    singleLogoutService:[{Binding:'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect',Location:'https://idp.example.com/slo'}],
    loginResponseTemplate:{context:'<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="{ID}" Version="2.0" IssueInstant="{IssueInstant}" Destination="{Destination}" InResponseTo="{InResponseTo}"><saml:Issuer>{Issuer}</saml:Issuer><samlp:Status><samlp:StatusCode Value="{StatusCode}"/></samlp:Status><saml:Assertion ID="{AssertionID}" Version="2.0" IssueInstant="{IssueInstant}" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"><saml:Issuer>{Issuer}</saml:Issuer><saml:Subject><saml:NameID Format="{NameIDFormat}">{NameID}</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData NotOnOrAfter="{SubjectConfirmationDataNotOnOrAfter}" Recipient="{SubjectRecipient}" InResponseTo="{InResponseTo}"/></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="{ConditionsNotBefore}" NotOnOrAfter="{ConditionsNotOnOrAfter}"><saml:AudienceRestriction><saml:Audience>{Audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="{IssueInstant}" SessionIndex="_session"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>{AttributeStatement}</saml:Assertion></samlp:Response>',
      attributes:[{name:'email',nameFormat:'urn:oasis:names:tc:SAML:2.0:attrname-format:basic',valueXsiType:'xs:string',valueTag:'email'}]},
  });
  const sp=saml.ServiceProvider({
    entityID:'urn:amazon:cognito:sp:eu-west-1_Abc123', wantAssertionsSigned:true, wantMessageSigned:!!signMessage, encryptCert:cert('sp'), signingCert:cert('sp'),
    assertionConsumerService:[{Binding:'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST',Location:'https://auth.example.com/saml2/idpresponse'}],
  });
  const at='2026-11-30T12:00:00Z',end='2026-11-30T12:05:00Z';
  const cb=t=>({id:'_response',context:saml.SamlLib.replaceTagsByValue(t,{ID:'_response',AssertionID:'_assertion',Destination:'https://auth.example.com/saml2/idpresponse',Audience:'urn:amazon:cognito:sp:eu-west-1_Abc123',
    SubjectRecipient:'https://auth.example.com/saml2/idpresponse',NameIDFormat:'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',NameID:'alice@example.com',Issuer:'https://idp.example.com/saml',IssueInstant:at,
    ConditionsNotBefore:at,ConditionsNotOnOrAfter:end,SubjectConfirmationDataNotOnOrAfter:end,InResponseTo:'_request',StatusCode:'urn:oasis:names:tc:SAML:2.0:status:Success',attrUserEmail:'alice@example.com',attrEmail:'alice@example.com'})});
  return idp.createLoginResponse(sp,{extract:{request:{id:'_request'}}},'post',{email:'alice@example.com'},cb,!!encrypt).then(r=>{
    fs.writeFileSync(name+'.xml',Buffer.from(r.context,'base64')); if(name==='assertion')fs.writeFileSync('metadata.xml',idp.getMetadata()); });
}
(async()=>{ await make('assertion',{}); await make('both',{signMessage:true}); await make('cbc',{encrypt:true,signMessage:true,dataEnc:'http://www.w3.org/2001/04/xmlenc#aes256-cbc'}); await make('gcm',{encrypt:true}); })().catch(e=>{console.error(e);process.exit(1)});
